// Runs the threads of a kernel, in one order or another, and lets them wait for each other.
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "emulator.h"
#include "memory.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulator {

static Fault fault;
bool failed;

// Nothing is thrown where memory is watched: the compiler does not expect it there. The thread
// continues until it waits or returns.
void report(Fault found) {
    if (failed) return;
    found.thread = threadIdx.x, found.block = blockIdx.x;
    fault = found, failed = true;
}

[[noreturn]] void report_index(int argument, long long index, long long size) {
    Fault found{};
    found.kind = OUTSIDE, found.argument = argument, found.index = index, found.size = size;
    report(found);
    throw Stop();
}

// The numbers below a count: forwards, backwards, or shuffled, differently each time.
class Order {
    int kind;
    unsigned random = 1;
    std::vector<unsigned> numbers;

public:
    explicit Order(int kind) : kind(kind) {}

    const std::vector<unsigned>& of(unsigned count) {
        if (numbers.size() != count) {
            numbers.resize(count);
            for (unsigned i = 0; i < count; ++i) numbers[i] = kind == 1 ? count - 1 - i : i;
        }
        if (kind == 2)
            for (unsigned i = count; i > 1; --i) {  // Fisher and Yates
                random = random * 1664525 + 1013904223;
                std::swap(numbers[i - 1], numbers[(random >> 8) % i]);
            }
        return numbers;
    }
};

enum State { READY, AT_BARRIER, AT_SHUFFLE, RETURNED };

// A thread with a stack of its own, so that it can stop and continue later. It starts as a context
// of its own; from then on _setjmp and _longjmp switch, which need no system call.
struct Thread {
    static constexpr std::size_t STACK = 64 * 1024;
    std::unique_ptr<char[]> stack{new char[STACK]};
    jmp_buf here;
    bool started = false;

    State state = READY;
    Site site;  // where it waits
    unsigned mask = 0, source = 0;  // at a shuffle: the lanes that take part, and the one it reads
    unsigned long long value = 0, received = 0;
};

static std::vector<Thread> threads;  // kept from block to block
static Thread* running;
static jmp_buf scheduler;
static Call kernel;
static void** arguments;

// Let the scheduler continue with the next thread.
static void stop(State state, Site site = {}) {
    running->state = state, running->site = site;
    if (_setjmp(running->here) == 0) _longjmp(scheduler, 1);
    if (failed) throw Stop();
}

// What a thread does, block after block.
static void live() {
    for (;;) {
        try { kernel(arguments); } catch (const Stop&) {}
        running->state = RETURNED, running->site = {};
        if (_setjmp(running->here) == 0) _longjmp(scheduler, 1);
    }
}

// Let a thread run until it waits or returns.
static void resume(Thread& thread) {
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

static bool is_same(const Site& a, const Site& b) {
    return a.line == b.line && std::strcmp(a.call, b.call) == 0 && std::strcmp(a.file, b.file) == 0;
}

// Whether two threads wait at one call, with the same mask.
static bool wait_together(const Thread& a, const Thread& b) {
    return a.state == b.state && a.mask == b.mask && is_same(a.site, b.site);
}

static void report_wait(Kind kind, unsigned thread, unsigned other) {
    threadIdx.x = thread;
    Fault found{};
    found.kind = kind, found.site = threads[thread].site, found.mask = threads[thread].mask;
    found.other_thread = other, found.other_block = blockIdx.x;
    if (other < blockDim.x) found.other_site = threads[other].site;
    report(found);
}

// The first of the lanes in a thread's mask that does not wait together with it; -1: all do.
static int missing_lane(unsigned thread) {
    const unsigned first = thread / warpSize * warpSize;
    for (unsigned lane = 0; lane < warpSize; ++lane) {
        if (!(threads[thread].mask >> lane & 1)) continue;
        const unsigned other = first + lane;
        if (other >= blockDim.x || !wait_together(threads[thread], threads[other])) return lane;
    }
    return -1;
}

// The lanes of a mask exchange their values and continue.
static void exchange(unsigned thread) {
    const unsigned first = thread / warpSize * warpSize, mask = threads[thread].mask;
    for (unsigned lane = 0; lane < warpSize; ++lane) {
        if (!(mask >> lane & 1)) continue;
        Thread& one = threads[first + lane];
        if (!(mask >> one.source & 1)) return report_wait(SOURCE_MISSING, first + lane, one.source);
        one.received = threads[first + one.source].value;
        one.state = READY;
    }
    if (std::strcmp(threads[thread].site.call, "__syncwarp") == 0) warp_meets(thread / warpSize);
}

// Let all lanes continue that have come together; whether there are any.
static bool release_lanes() {
    bool released = false;
    for (unsigned i = 0; i < blockDim.x && !failed; ++i) {
        if (threads[i].state != AT_SHUFFLE) continue;
        if (!(threads[i].mask >> i % warpSize & 1)) report_wait(OWN_LANE_MISSING, i, i);
        else if (missing_lane(i) < 0) exchange(i), released = true;
    }
    return released;
}

// No thread can continue: let all pass the barrier if they wait there. Whether they do.
static bool release_block() {
    for (unsigned i = 0; i < blockDim.x; ++i)
        if (threads[i].state == AT_SHUFFLE)
            return report_wait(WAITS_FOR, i, i / warpSize * warpSize + missing_lane(i)), false;
    unsigned waiting = 0;
    while (waiting < blockDim.x && threads[waiting].state != AT_BARRIER) ++waiting;
    if (waiting == blockDim.x) return false;
    for (unsigned i = 0; i < blockDim.x; ++i)
        if (!wait_together(threads[waiting], threads[i]))
            return report_wait(WAITS_FOR, waiting, i), false;
    for (unsigned i = 0; i < blockDim.x; ++i) threads[i].state = READY;
    block_meets();
    return true;
}

// All threads of the block take turns until each has returned.
static void run_block(Order& order) {
    if (threads.size() < blockDim.x) threads = std::vector<Thread>(blockDim.x);
    for (Thread& thread : threads) thread.state = READY;
    do {
        for (unsigned i : order.of(blockDim.x)) {
            if (threads[i].state != READY || failed) continue;
            threadIdx.x = i;
            resume(threads[i]);
        }
    } while (!failed && (release_lanes() || (!failed && release_block())));
    if (failed) threads.clear();  // the others stopped somewhere in the middle
}

// The same for threads that never wait.
static void run_freely(Order& order) {
    try {
        for (unsigned i : order.of(blockDim.x)) {
            if (failed) return;
            threadIdx.x = i;
            kernel(arguments);
        }
    } catch (const Stop&) {}
}

void wait_for_block(Site site) {
    running->mask = 0;
    stop(AT_BARRIER, site);
}

unsigned long long receive(unsigned mask, unsigned long long value, unsigned lane, Site site) {
    Thread& me = *running;
    me.mask = mask, me.value = value, me.source = lane;
    stop(AT_SHUFFLE, site);
    return me.received;
}

int run(const Launch& launch, Call the_kernel, Call watch, void** the_arguments, Fault* found) {
    gridDim.x = launch.blocks, blockDim.x = launch.threads, failed = false;
    kernel = the_kernel, arguments = the_arguments;
    watch(arguments);
    Order blocks(launch.order), order(launch.order);
    for (unsigned block : blocks.of(launch.blocks)) {
        if (failed) break;
        blockIdx.x = block;
        begin_block();
        launch.waiting ? run_block(order) : run_freely(order);
    }
    end_watch();
    *found = fault;
    return failed;
}

}  // namespace emulator
