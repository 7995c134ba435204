// Watches the memory that threads share: reads of what was never written, and races.
//
// The compiler announces every access by calling one of the functions at the end of this file: that
// is what -fsanitize=thread does. Its own library, which watches the threads of a CPU, is not
// linked.
//
// A race is two accesses of different threads, one of them a write, where neither thread has waited
// for the other in between. It is found in whatever order the emulator runs the threads.
#include "memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "emulator.h"

namespace emulator {

// What fills memory that was never written, as in array.py: NaN, or an unlikely integer.
constexpr unsigned char POISON_1 = 0xBD;
constexpr unsigned POISON_4 = 0x7FCDBAD5;
constexpr unsigned long long POISON_8 = 0x7FF9B75AA0000000;

// The last access to an element: when, and by which thread of the grid or by how many.
enum Span { ONE_THREAD, WARP, BLOCK, GRID };
struct Access {
    unsigned time;  // 0: never
    unsigned thread : 30, span : 2;
};
struct Accesses {
    Access write, read;
};

// Memory that is watched, and what is known about its elements.
struct Region {
    Memory memory;
    const char *start, *stop;
    unsigned shift;  // accesses are noted for each 1 << shift bytes
    bool has_poison;
    std::unique_ptr<Accesses[], decltype(&std::free)> accesses;  // null if no thread can write
};

static std::vector<Region> regions;  // first the arguments
static std::size_t num_arguments;

// The lowest and the highest address of some regions: most accesses are to none of them.
struct Bounds {
    const char *start = nullptr, *stop = nullptr;

    bool has(const char* at) const { return at >= start && at < stop; }
    void include(const Region& region) {
        start = start ? std::min(start, region.start) : region.start;
        stop = std::max(stop, region.stop);
    }
};
static Bounds arguments_bounds, shared_bounds;

// The time is the number of synchronisations. The others are the time when this block began, and
// those of its latest synchronisation and of its warps'.
static unsigned now, block_began, block_time, warp_times[32];
static unsigned first_thread;  // of the block

static unsigned this_thread() { return first_thread + threadIdx.x; }
static bool in_this_block(Access access) { return access.time >= block_began; }
static bool in_this_warp(Access access) {
    return (access.thread - first_thread) / warpSize == threadIdx.x / warpSize;
}

// Whether nothing orders what this thread does now and an access of another thread.
static bool unordered(Access other) {
    const bool is_mine = other.span == ONE_THREAD && other.thread == this_thread();
    if (other.time == 0 || is_mine) return false;
    if (other.span == GRID || !in_this_block(other)) return true;
    if (other.time < block_time) return false;
    const bool in_warp = other.span != BLOCK && in_this_warp(other);
    return !in_warp || other.time >= warp_times[threadIdx.x / warpSize];
}

static void report_access(Kind kind, const Region& region, const char* at, Access other = {}) {
    Fault found{};
    found.kind = kind, found.argument = region.memory.argument, found.name = region.memory.name;
    found.index = (at - region.start) / region.memory.size;
    const bool is_known = other.span != GRID && other.thread != this_thread();
    found.other_thread = is_known ? other.thread % blockDim.x : SOME_THREAD;
    found.other_block = other.span == GRID ? SOME_THREAD : other.thread / blockDim.x;
    report(found);
}

static void note_read(const Region& region, Accesses& element, const char* at) {
    if (unordered(element.write))
        report_access(READ_OF_WRITTEN, region, at, element.write);
    const Access before = element.read;
    unsigned span = ONE_THREAD;
    if (before.time && (before.span == GRID || !in_this_block(before)))
        span = GRID;
    else if (unordered(before))
        span = before.span == BLOCK || !in_this_warp(before) ? BLOCK : WARP;
    element.read = {now, this_thread(), span};
}

static void note_write(const Region& region, Accesses& element, const char* at) {
    if (unordered(element.write))
        report_access(WRITE_OF_WRITTEN, region, at, element.write);
    if (unordered(element.read))
        report_access(WRITE_OF_READ, region, at, element.read);
    element.write = {now, this_thread(), ONE_THREAD};
}

static bool is_poison(const char* at, unsigned shift) {
    if (shift == 0) return static_cast<unsigned char>(*at) == POISON_1;
    unsigned word;
    unsigned long long words;
    if (shift == 2) return std::memcpy(&word, at, sizeof word), word == POISON_4;
    return std::memcpy(&words, at, sizeof words), words == POISON_8;
}

static bool may_be_watched(const void* address) {
    const char* const at = static_cast<const char*>(address);
    return arguments_bounds.has(at) || shared_bounds.has(at);
}

static const Region* region_of(const char* at) {
    for (const Region& region : regions)
        if (at >= region.start && at < region.stop) return &region;
    return nullptr;
}

// Do something for each watched element of some bytes.
template <typename Visit>
static void for_elements(const void* address, std::size_t bytes, Visit visit) {
    const char* const start = static_cast<const char*>(address);
    const Region* const region = region_of(start);
    if (!region) return;
    for (const char* at = start; at < start + bytes && at < region->stop; at += 1 << region->shift)
        visit(*region, at);
}

static void check_element(const Region& region, const char* at) {
    if (region.has_poison && is_poison(at, region.shift))
        report_access(READ_UNWRITTEN, region, at);
}

void check_written(const void* address, std::size_t bytes) {
    for_elements(address, bytes, check_element);
}

static Accesses& accesses_of(const Region& region, const char* at) {
    return region.accesses[(at - region.start) >> region.shift];
}

static void read(const void* address, std::size_t bytes) {
    for_elements(address, bytes, [](const Region& region, const char* at) {
        check_element(region, at);
        if (region.accesses) note_read(region, accesses_of(region, at), at);
    });
}

static void write(const void* address, std::size_t bytes) {
    for_elements(address, bytes, [](const Region& region, const char* at) {
        if (region.accesses) note_write(region, accesses_of(region, at), at);
    });
}

static Region make_region(const Memory& memory) {
    const unsigned part = memory.is_number ? memory.size : 4;  // of a struct: a field
    const unsigned shift = part == 8 ? 3 : part == 4 ? 2 : 0;
    const char* const start = static_cast<const char*>(memory.data);
    void* const zeros =  // lazily by the operating system
        memory.is_written ? std::calloc(memory.bytes >> shift, sizeof(Accesses)) : nullptr;
    return {memory, start, start + memory.bytes, shift, part >= 4 || memory.is_bool,
            {static_cast<Accesses*>(zeros), std::free}};
}

// An argument. Those that the kernel writes come first: an array may be passed twice.
void watch(const Memory& memory) {
    if (memory.bytes == 0) return;
    const auto place = memory.is_written ? regions.begin() : regions.end();
    arguments_bounds.include(*regions.insert(place, make_region(memory)));
    num_arguments = regions.size();
}

void watch_shared(const Memory& memory) {
    for (std::size_t k = num_arguments; k < regions.size(); ++k)
        if (regions[k].start == memory.data) return;  // another thread was here before
    regions.push_back(make_region(memory));
    shared_bounds.include(regions.back());
    const unsigned shift = regions.back().shift;
    const void* const poison = shift == 3 ? static_cast<const void*>(&POISON_8)
        : shift == 2 ? static_cast<const void*>(&POISON_4) : &POISON_1;
    char* const data = static_cast<char*>(const_cast<void*>(memory.data));
    for (std::size_t at = 0; at < memory.bytes; at += 1 << shift)
        std::memcpy(data + at, poison, 1 << shift);
}

void begin_block() {
    while (regions.size() > num_arguments) regions.pop_back();
    block_meets();
    block_began = now, first_thread = blockIdx.x * blockDim.x;
}

void block_meets() { block_time = ++now; }
void warp_meets(unsigned warp) { warp_times[warp] = ++now; }

void end_watch() {
    for (std::size_t k = 0; k < num_arguments; ++k) {
        const Region& region = regions[k];
        if (!region.accesses || !region.has_poison) continue;
        for (const char* at = region.start; at < region.stop && !failed; at += 1 << region.shift)
            if (is_poison(at, region.shift)) report_access(NEVER_WRITTEN, region, at);
    }
    regions.clear(), num_arguments = 0;
    arguments_bounds = shared_bounds = {};
}

}  // namespace emulator

// What the compiler calls, under the names of ThreadSanitizer's library.
#define HOOK extern "C" void
#define HOOKS(bytes)                                                          \
    HOOK __tsan_read##bytes(void* at) {                                       \
        if (emulator::may_be_watched(at)) emulator::read(at, bytes);          \
    }                                                                         \
    HOOK __tsan_write##bytes(void* at) {                                      \
        if (emulator::may_be_watched(at)) emulator::write(at, bytes);         \
    }                                                                         \
    HOOK __tsan_unaligned_read##bytes(void* at) { __tsan_read##bytes(at); }   \
    HOOK __tsan_unaligned_write##bytes(void* at) { __tsan_write##bytes(at); }
HOOKS(1) HOOKS(2) HOOKS(4) HOOKS(8) HOOKS(16)
HOOK __tsan_read_range(void* at, std::size_t bytes) { emulator::read(at, bytes); }
HOOK __tsan_write_range(void* at, std::size_t bytes) { emulator::write(at, bytes); }
HOOK __tsan_vptr_update(void**, void*) {}
HOOK __tsan_vptr_read(void**) {}
HOOK __tsan_func_entry(void*) {}
HOOK __tsan_func_exit() {}
HOOK __tsan_init() {}
#undef HOOKS
#undef HOOK
