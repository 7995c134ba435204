// A GPU in miniature: as much of CUDA C++ as the sources in cuda/ use, in C++17.
//
// A kernel runs on a CPU, its threads one after the other, block by block. At __syncthreads() a
// thread stops until all others of its block have come there: then each has a stack of its own.
// Every access to an array checks its index. It is for reading, testing and stepping through, not
// for speed.
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

using std::abs, std::erf, std::exp, std::log, std::pow, std::sqrt;

struct uint3 { unsigned x = 0, y = 0, z = 0; };
struct dim3 { unsigned x = 1, y = 1, z = 1; };

static uint3 threadIdx, blockIdx;
static dim3 blockDim, gridDim;

namespace emulator {

// What went wrong where: an index outside of an array argument.
struct Fault {
    int argument;
    long long index, size;
    uint3 thread, block;
};

}  // namespace emulator

// An argument in global memory. Its layout is that of launch.ArrayArgument.
template <typename T>
struct array {
    T* data;
    long long size;
    int argument;

    T& operator[](long long index) const {
        if (index < 0 || index >= size)
            throw emulator::Fault{argument, index, size, threadIdx, blockIdx};
        return data[index];
    }
    // The array from an element on; its indices are still counted from the first one.
    struct Rest {
        const array& whole;
        long long start;
        T& operator[](long long index) const { return whole[start + index]; }
        Rest operator+(long long elements) const { return {whole, start + elements}; }
    };
    Rest operator+(long long elements) const { return {*this, elements}; }

    operator array<const T>() const { return {data, size, argument}; }
};

template <typename T>
T atomicAdd(T* address, T value) { const T before = *address; *address += value; return before; }

inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return static_cast<unsigned long long>((static_cast<unsigned __int128>(a) * b) >> 64);
}

#ifdef MINICNN_BARRIERS  // set for kernels that use __syncthreads()
#include <setjmp.h>
#include <ucontext.h>

#include <memory>
#include <vector>

namespace emulator {

// A thread with a stack of its own, so that it can stop at a barrier and go on later. It starts as
// a context of its own; from then on _setjmp and _longjmp switch, which need no system call.
struct Thread {
    static constexpr std::size_t STACK = 64 * 1024;
    std::unique_ptr<char[]> stack{new char[STACK]};
    jmp_buf here;
    bool started = false, done = false;
};

static std::vector<Thread> threads;  // kept from block to block
static Thread* running;
static jmp_buf scheduler;
static void (*body)();
static Fault fault;
static bool failed = false;

// Let the scheduler go on with the next thread.
inline void barrier() {
    if (_setjmp(running->here) == 0) _longjmp(scheduler, 1);
}

// What a thread does, block after block.
inline void live() {
    for (;;) {
        try { body(); } catch (const Fault& found) { fault = found, failed = true; }
        running->done = true;
        barrier();
    }
}

// Let a thread run to its next barrier or its end.
inline void resume(Thread& thread) {
    running = &thread;
    if (_setjmp(scheduler) != 0) return;
    if (thread.started) _longjmp(thread.here, 1);
    thread.started = true;
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = thread.stack.get(), context.uc_stack.ss_size = Thread::STACK;
    context.uc_link = nullptr;
    makecontext(&context, live, 0);
    setcontext(&context);
}

// From barrier to barrier all threads of the block take turns, until each has come to its end.
inline void run_block() {
    if (threads.size() < blockDim.x) threads = std::vector<Thread>(blockDim.x);
    for (Thread& thread : threads) thread.done = false;
    for (bool waiting = true; waiting && !failed;) {
        waiting = false;
        for (unsigned i = 0; i < blockDim.x && !failed; ++i) {
            if (threads[i].done) continue;
            threadIdx.x = i;
            resume(threads[i]);
            waiting = waiting || !threads[i].done;
        }
    }
    if (failed) {
        failed = false, threads.clear();  // the others stopped somewhere in the middle
        throw fault;
    }
}

}  // namespace emulator

inline void __syncthreads() { emulator::barrier(); }
#endif

namespace emulator {

template <typename... P, std::size_t... k>
void call(void (*kernel)(P...), void** arguments, std::index_sequence<k...>) {
    kernel(*static_cast<std::remove_reference_t<P>*>(arguments[k])...);
}

template <typename... P>
void call(void (*kernel)(P...), void** arguments) {
    call(kernel, arguments, std::index_sequence_for<P...>());
}

// Run all threads of all blocks; 1 if one of them failed, which is then described in *fault.
template <auto kernel>
int launch(unsigned blocks, unsigned threads, void** arguments, Fault* fault_out) {
    gridDim.x = blocks, blockDim.x = threads;
    try {
        for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) {
#ifdef MINICNN_BARRIERS
            static void** shared_arguments;
            shared_arguments = arguments;
            body = [] { call(kernel, shared_arguments); };
            run_block();
#else
            for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x) call(kernel, arguments);
#endif
        }
    } catch (const Fault& found) {
        *fault_out = found;
        return 1;
    }
    return 0;
}

}  // namespace emulator
