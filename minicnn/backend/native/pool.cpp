// The threads that run the shares of a kernel, one for each core.
//
// The caller runs shares itself and waits for no thread that has not yet woken up, so a busy machine
// delays it by no more than the share that another thread is in the middle of. Between two kernels
// the threads look for work for a fraction of a millisecond, as a training step starts the next kernel soon,
// and then sleep. After a fork the child has only the thread that called it, and starts new ones.
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <thread>

namespace {

using Kernel = void (*)(long share, long shares, const void* arguments);

constexpr auto LOOK_FOR_WORK = std::chrono::microseconds(200);

struct Pool {
    std::mutex one_caller, sleeping;
    std::condition_variable wake;
    std::atomic<unsigned> calls{0};   // goes up when there is work
    std::atomic<bool> open{false};    // whether shares may still be taken
    std::atomic<int> inside{0};       // threads that may be running a share
    std::atomic<long> next{0};
    Kernel kernel = nullptr;
    const void* arguments = nullptr;
    long shares = 0;
    int threads = 0;                  // without the caller

    void take_shares() {
        for (long share; (share = next.fetch_add(1)) < shares;) kernel(share, shares, arguments);
    }
};

// In memory that is never freed, so that threads can still look at it when the process ends.
alignas(Pool) char memory[sizeof(Pool)];
Pool* pool = new (memory) Pool;

inline void pause_thread() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

void work() {
    for (unsigned seen = 0;;) {
        const auto asleep = std::chrono::steady_clock::now() + LOOK_FOR_WORK;
        while (pool->calls.load() == seen && std::chrono::steady_clock::now() < asleep)
            for (int i = 0; i < 20; ++i) pause_thread();
        if (pool->calls.load() == seen) {
            std::unique_lock<std::mutex> lock(pool->sleeping);
            pool->wake.wait(lock, [&] { return pool->calls.load() != seen; });
        }
        seen = pool->calls.load();
        pool->inside.fetch_add(1);
        if (pool->open.load()) pool->take_shares();
        pool->inside.fetch_sub(1);
    }
}

// Where the system gives no more threads, those that there are do the work.
void start_threads(int threads) {
    try {
        for (; pool->threads < threads; ++pool->threads) std::thread(work).detach();
    } catch (const std::exception&) {
    }
}

}  // namespace

// Run kernel(share, shares, arguments) for every share, on at most that many threads.
extern "C" void run_shares(Kernel kernel, const void* arguments, long shares, int threads) {
    std::unique_lock<std::mutex> only(pool->one_caller, std::defer_lock);
    if (shares <= 1 || threads <= 1 || !only.try_lock()) {
        for (long share = 0; share < shares; ++share) kernel(share, shares, arguments);
        return;
    }
    start_threads(threads - 1);
    pool->kernel = kernel, pool->arguments = arguments, pool->shares = shares;
    pool->next.store(0);
    pool->open.store(true);
    {
        std::lock_guard<std::mutex> lock(pool->sleeping);
        pool->calls.fetch_add(1);
    }
    pool->wake.notify_all();
    pool->take_shares();
    pool->open.store(false);
    for (int turn = 0; pool->inside.load() > 0; ++turn)
        if (turn < 1000) pause_thread();
        else std::this_thread::yield();
}

struct Launch {
    Kernel kernel;
    const void* arguments;
    long shares;
};

// One kernel after the other.
extern "C" void run_launches(const Launch* launches, long count, int threads) {
    for (long i = 0; i < count; ++i)
        run_shares(launches[i].kernel, launches[i].arguments, launches[i].shares, threads);
}

// Called when the library is loaded.
extern "C" void prepare_for_forks() {
    pthread_atfork(nullptr, nullptr, [] { pool = new (memory) Pool; });
}
