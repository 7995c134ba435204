// Lanes: what one thread holds of the numbers that a warp handles.
//
// A warp does the same with neighbouring numbers of memory: with the same pixel of neighbouring
// images. On a GPU it is 32 threads, which hold one number each. On a CPU it is one thread, which
// holds as many numbers as fit into a vector register (native/native.h). A kernel that is written
// for a warp runs on both: `sum += weight * L::load(x, i)` works with a number and with a vector.
//
//   L            One<T>, or on a CPU also Many<T>; Lanes<T> is the larger one that there is
//   RowLanes<T>  for rows of images: on a CPU several vectors, which share what is found out
//   RowLanesOf<T, V>  the same for numbers of type T next to others of type V
//   L::Numbers   what one thread holds: T, or a vector of T
//   L::Of<V>     the same for numbers of another type
//   L::COUNT     how many numbers that is
//   L::Fewer     for the rest, if fewer are left
//   L::WARP      how many the whole warp holds
//   L::lane()    where those of this thread begin among them
#pragma once

#ifdef MINICNN_NATIVE
#define THREADS_OF_WARP 1
#else
#define THREADS_OF_WARP 32
#define UNROLL_4 _Pragma("unroll 4")
#endif

template <typename T>
struct One {
    typedef T Numbers;
    typedef One<T> Fewer;
    template <typename V>
    using Of = One<V>;
    static constexpr int COUNT = 1, WARP = THREADS_OF_WARP;

    __device__ static int lane() { return int(threadIdx.x % WARP); }
    __device__ static T all(T value) { return value; }
    template <typename X, typename I>
    __device__ static T load(const X& x, I i) { return x[i]; }
    template <typename X, typename I>
    __device__ static T load_first(const X& x, I i, I) { return x[i]; }
    template <typename Y, typename I>
    __device__ static void store(const Y& y, I i, T value) { y[i] = value; }
    __device__ static T root(T value) { return sqrt(value); }
    __device__ static T power(T value, T exponent) { return pow(value, exponent); }
    // The sum over the threads of the warp, which its first thread gets.
    __device__ static T sum_of_warp(T value) {
#ifndef MINICNN_NATIVE
        for (int step = WARP / 2; step > 0; step /= 2) value += __shfl_down_sync(~0u, value, step);
#endif
        return value;
    }
};

// What a comparison gives is a mask: a bool, or a vector of them.
__device__ inline bool may_hold(bool mask) { return mask; }
__device__ inline bool negated(bool mask) { return !mask; }
template <typename T>
__device__ inline T select(bool mask, T a, T b) { return mask ? a : b; }

#ifdef MINICNN_NATIVE
template <typename T>
using Lanes = Many<T>;
template <typename T>
using RowLanes = Rows<T>;
template <typename T, typename V>
using RowLanesOf = std::conditional_t<sizeof(T) == sizeof(V), Rows<T>, One<T>>;
#else
template <typename T>
using Lanes = One<T>;
template <typename T>
using RowLanes = One<T>;
template <typename T, typename V>
using RowLanesOf = One<T>;

// The loop of a warp over its share of all units of work: w, w + (number of warps), ...
#define FOR_EACH_WARP(w, units)                                                               \
    for (I w = (I(blockIdx.x) * I(blockDim.x) + I(threadIdx.x)) / THREADS_OF_WARP;            \
         w < I(units); w += I(gridDim.x) * I(blockDim.x) / THREADS_OF_WARP)
#endif
