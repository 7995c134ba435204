// A GPU in miniature: as much of CUDA C++ as the sources in cuda/ use, in C++17.
//
// A kernel runs on a CPU, its threads one after the other, block by block (threads.cpp). Every
// index is checked here, every access to memory in memory.cpp. It is for reading, testing and
// stepping through, not for speed.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <type_traits>
#include <utility>

#define __global__ static
#define __device__
#define __shared__ static
#define __restrict__
#define __forceinline__ inline

using std::abs, std::erf, std::exp, std::log, std::pow, std::sqrt;

struct uint3 { unsigned x = 0, y = 0, z = 0; };
struct dim3 { unsigned x = 1, y = 1, z = 1; };

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

#include "fault.h"

namespace emulator {

// Memory that is watched while a kernel runs: an argument, or a variable in shared memory.
struct Memory {
    const void* data;
    std::size_t bytes;
    unsigned size;  // of an element
    bool is_number, is_bool, is_written;
    int argument;
    const char* name;  // of a variable in shared memory
};

template <typename T>
Memory memory_of(T* data, std::size_t bytes, int argument, const char* name) {
    using Number = std::remove_cv_t<T>;
    return {data, bytes, sizeof(T), std::is_arithmetic_v<Number>, std::is_same_v<Number, bool>,
            !std::is_const_v<T>, argument, name};
}

void watch(const Memory& memory);
void watch_shared(const Memory& memory);
void check_written(const void* address, std::size_t bytes);
[[noreturn]] void report_index(int argument, long long index, long long size);

// Wait for all threads of the block; or for the lanes of the mask, to receive the value of one.
void wait_for_block(Site site);
unsigned long long receive(unsigned mask, unsigned long long value, unsigned lane, Site site);

// Called behind each declaration of a variable in shared memory, see run.py.
template <typename T>
void shared(T& variable, const char* name) {
    using Element = std::remove_all_extents_t<T>;
    watch_shared(memory_of(reinterpret_cast<Element*>(&variable), sizeof(T), -1, name));
}

}  // namespace emulator

template <typename T>
struct array;

// An array from an element on; its indices are still counted from the first one.
template <typename T>
struct Rest {
    const array<T>* whole;
    long long start;
    T& operator[](long long index) const { return (*whole)[start + index]; }
    Rest operator+(long long elements) const { return {whole, start + elements}; }
};

// An argument in global memory. Its layout is that of run.ArrayArgument.
template <typename T>
struct array {
    T* data;
    long long size;
    int argument;

    T& operator[](long long index) const {
        if (index < 0 || index >= size) emulator::report_index(argument, index, size);
        return data[index];
    }
    Rest<T> operator+(long long elements) const { return {this, elements}; }

    operator array<const T>() const { return {data, size, argument}; }
};

// Its accesses are no race. What is read must have been written all the same.
template <typename T>
__attribute__((no_sanitize_thread)) T atomicAdd(T* address, T value) {
    emulator::check_written(address, sizeof(T));
    const T before = *address;
    *address += value;
    return before;
}

inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return static_cast<unsigned long long>((static_cast<unsigned __int128>(a) * b) >> 64);
}

#include "shuffles.h"

namespace emulator {

template <typename T>
void watch_argument(const array<T>& x, int) {
    watch(memory_of(x.data, x.size * sizeof(T), x.argument, nullptr));
}
template <typename P>
auto watch_argument(const P& pieces, int) -> decltype(void(pieces.at[0].data)) {
    for (const auto& piece : pieces.at) watch_argument(piece, 0);
}
template <typename T>
void watch_argument(const T&, long) {}  // a number or a Window

// A kernel that takes its arguments by their addresses.
template <auto kernel>
struct Kernel;
template <typename... P, void (*kernel)(P...)>
struct Kernel<kernel> {
    template <std::size_t... k>
    static void call(void** arguments, std::index_sequence<k...>) {
        kernel(*static_cast<std::remove_reference_t<P>*>(arguments[k])...);
    }
    template <std::size_t... k>
    static void watch(void** arguments, std::index_sequence<k...>) {
        (watch_argument(*static_cast<std::remove_reference_t<P>*>(arguments[k]), 0), ...);
    }
    static void call(void** arguments) { call(arguments, std::index_sequence_for<P...>()); }
    static void watch(void** arguments) { watch(arguments, std::index_sequence_for<P...>()); }
};

// How a launch runs; the layout is that of run.Launch.
struct Launch {
    unsigned blocks, threads;
    int order;     // 0: forwards, 1: backwards, 2: shuffled
    bool waiting;  // whether threads wait for each other: then each has a stack of its own
};

using Call = void (*)(void**);

// Run all threads of all blocks; 1 if one of them failed, which is then described in *found.
int run(const Launch& launch, Call kernel, Call watch, void** arguments, Fault* found);

}  // namespace emulator
