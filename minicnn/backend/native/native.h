// A CPU as the machine of the CUDA sources: as much of CUDA C++ as they use, in C++17.
//
// One thread stands for a whole block, and holds a vector of numbers where a GPU's warp has 32
// threads with one each (cuda/lanes.cuh). The blocks of a kernel are shares of its work, which
// run.py hands to all cores.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#define __global__ static
#define __device__
#define __shared__ static thread_local
#define __forceinline__ inline __attribute__((always_inline))

using std::abs, std::erf, std::exp, std::log, std::pow, std::sqrt;

struct uint3 { unsigned x, y, z; };
static constexpr uint3 threadIdx{0, 0, 0}, blockDim{1, 1, 1};
static thread_local uint3 blockIdx, gridDim;  // which share, and of how many

inline void __syncthreads() {}  // one thread waits for no other
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return static_cast<unsigned long long>((static_cast<unsigned __int128>(a) * b) >> 64);
}

template <typename T>
using array = T* __restrict__;
template <typename T>
using Rest = T*;

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

// A vector that is used several times is loaded once. Compilers would take it from memory each time,
// to save a register, but a processor adds up more vectors in a moment than it can load.
#if defined(__x86_64__)
#define IN_REGISTER(vector) asm("" : "+v"(vector))
#elif defined(__aarch64__)
#define IN_REGISTER(vector) asm("" : "+w"(vector))
#else
#define IN_REGISTER(vector)
#endif

// In front of a loop: four turns of it at a time.
#if defined(__clang__)
#define UNROLL_4 _Pragma("unroll 4")
#else
#define UNROLL_4 _Pragma("GCC unroll 4")
#endif

template <typename T>
struct One;  // in cuda/lanes.cuh, with what its members mean

// A vector of numbers.
template <typename T>
struct Many {
    typedef One<T> Fewer;
    template <typename V>
    using Of = Many<V>;
    typedef T Numbers __attribute__((vector_size(VECTOR_BYTES)));
    typedef T InMemory __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));
    static constexpr int COUNT = VECTOR_BYTES / sizeof(T), WARP = COUNT;

    static int lane() { return 0; }
    static Numbers all(T value) { return Numbers{} + value; }
    template <typename I>
    static Numbers load(const T* x, I i) {
        Numbers value = *reinterpret_cast<const InMemory*>(x + i);
        IN_REGISTER(value);
        return value;
    }
    // The first numbers of a vector, less than COUNT of them; the others are 0.
    template <typename I>
    static Numbers load_first(const T* x, I i, I count) {
        Numbers value = {};
        for (I k = 0; k < count; ++k) value[k] = x[i + k];
        return value;
    }
    template <typename I>
    static void store(T* y, I i, Numbers value) { *reinterpret_cast<InMemory*>(y + i) = value; }
    static Numbers root(Numbers value) {
        for (int k = 0; k < COUNT; ++k) value[k] = sqrt(value[k]);
        return value;
    }
    static Numbers power(Numbers value, T exponent) {
        for (int k = 0; k < COUNT; ++k) value[k] = pow(value[k], exponent);
        return value;
    }
    // Half of the numbers are added to the other half, until one is left.
    static T sum_of_warp(Numbers value) { return sum_of_halves<VECTOR_BYTES>(value); }
    template <int BYTES, typename V>
    static T sum_of_halves(V value) {
        if constexpr (BYTES == sizeof(T)) return value[0];
        else {
            typedef T Half __attribute__((vector_size(BYTES / 2)));
            Half halves[2];
            std::memcpy(halves, &value, BYTES);
            return sum_of_halves<BYTES / 2>(halves[0] + halves[1]);
        }
    }
};

// Masks are vectors of integers, 0 or -1.
template <typename M>
inline bool may_hold(const M&) { return true; }  // no reason to stop: to find out would cost more
template <typename M>
inline M negated(const M& mask) { return ~mask; }
template <typename M, typename V>
inline V select(const M& mask, const V& a, const V& b) { return mask ? a : b; }

// Several neighbouring vectors: what a kernel finds out about a place then serves all of them.
constexpr int SEVERAL = 4;

template <typename V>
struct Vectors {
    V v[SEVERAL];
};

#define OF_VECTORS(op)                                                                         \
    template <typename V>                                                                      \
    __forceinline__ auto operator op(const Vectors<V>& a, const Vectors<V>& b) {               \
        Vectors<decltype(a.v[0] op b.v[0])> result;                                            \
        for (int k = 0; k < SEVERAL; ++k) result.v[k] = a.v[k] op b.v[k];                      \
        return result;                                                                         \
    }
OF_VECTORS(+) OF_VECTORS(-) OF_VECTORS(*) OF_VECTORS(/) OF_VECTORS(&) OF_VECTORS(|)
OF_VECTORS(<) OF_VECTORS(>) OF_VECTORS(==) OF_VECTORS(!=)
#undef OF_VECTORS
template <typename V>
__forceinline__ Vectors<V>& operator+=(Vectors<V>& a, const Vectors<V>& b) { return a = a + b; }
template <typename V>
__forceinline__ Vectors<V>& operator&=(Vectors<V>& a, const Vectors<V>& b) { return a = a & b; }
template <typename M>
__forceinline__ Vectors<M> negated(const Vectors<M>& mask) {
    Vectors<M> result;
    for (int k = 0; k < SEVERAL; ++k) result.v[k] = ~mask.v[k];
    return result;
}
template <typename M, typename V>
__forceinline__ Vectors<V> select(const Vectors<M>& mask, const Vectors<V>& a, const Vectors<V>& b) {
    Vectors<V> result;
    for (int k = 0; k < SEVERAL; ++k) result.v[k] = mask.v[k] ? a.v[k] : b.v[k];
    return result;
}

// The numbers of several vectors.
template <typename T>
struct Rows {
    typedef Many<T> Fewer;
    template <typename V>
    using Of = Rows<V>;
    typedef Vectors<typename Many<T>::Numbers> Numbers;
    static constexpr int COUNT = SEVERAL * Many<T>::COUNT;

    static Numbers all(T value) {
        return made([=](int) { return Many<T>::all(value); });
    }
    template <typename I>
    static Numbers load(const T* x, I i) {
        return made([=](int k) { return Many<T>::load(x, i + k * Many<T>::COUNT); });
    }
    template <typename I>
    static void store(T* y, I i, const Numbers& value) {
        for (int k = 0; k < SEVERAL; ++k) Many<T>::store(y, i + k * Many<T>::COUNT, value.v[k]);
    }
    static Numbers root(const Numbers& value) {
        return made([&](int k) { return Many<T>::root(value.v[k]); });
    }
    static Numbers power(const Numbers& value, T exponent) {
        return made([&](int k) { return Many<T>::power(value.v[k], exponent); });
    }
    template <typename Make>
    static __forceinline__ Numbers made(Make make) {
        Numbers result;
        for (int k = 0; k < SEVERAL; ++k) result.v[k] = make(k);
        return result;
    }
};

// A share of all elements: neighbouring ones, so that the compiler can take a vector of them.
template <typename I>
inline I start_of_share(I elements, unsigned share) {
    return I(static_cast<long long>(elements) * share / gridDim.x);
}
#define FOR_EACH(i, elements)                                        \
    for (I i = start_of_share(I(elements), blockIdx.x),              \
           i##_end = start_of_share(I(elements), blockIdx.x + 1);    \
         i < i##_end; ++i)
#define FOR_EACH_WARP(w, units) FOR_EACH(w, units)

// How run.py calls a kernel: its arguments lie in slots of eight bytes, arrays as addresses of
// Python objects, whose address of the data follows the head of the object (PyArrayObject).
namespace native {

union Slot {
    long long integer;
    double real;
    const char* object;
};

template <typename P>
P argument(const Slot& slot) {
    if constexpr (std::is_integral_v<P>) return static_cast<P>(slot.integer);
    else if constexpr (std::is_floating_point_v<P>) return static_cast<P>(slot.real);
    else if constexpr (std::is_pointer_v<P>) return *reinterpret_cast<P const*>(slot.object + OBJECT_HEAD);
    else return **reinterpret_cast<const P* const*>(slot.object + OBJECT_HEAD);  // a struct
}

template <typename... P, std::size_t... k>
void call(void (*kernel)(P...), const Slot* slots, std::index_sequence<k...>) {
    kernel(argument<P>(slots[k])...);
}

template <typename... P>
void run(void (*kernel)(P...), long share, long shares, const void* slots) {
    blockIdx.x = unsigned(share), gridDim.x = unsigned(shares);
    call(kernel, static_cast<const Slot*>(slots), std::index_sequence_for<P...>());
}

}  // namespace native
