// What can go wrong in a kernel, and where. fault.py turns it into an error message.
#pragma once

namespace emulator {

// The names and their order are those of fault.Kind.
enum Kind {
    OUTSIDE, READ_UNWRITTEN, NEVER_WRITTEN, READ_OF_WRITTEN, WRITE_OF_WRITTEN, WRITE_OF_READ,
    WAITS_FOR, OWN_LANE_MISSING, SOURCE_MISSING
};

// A call at which a thread waits for others; without a name: nowhere, it has returned.
struct Site {
    const char *call = nullptr, *file = nullptr;
    int line = 0;
};

// The layout is that of fault.Fault.
struct Fault {
    int kind, argument;
    const char* name;  // of shared memory, which is no argument
    long long index, size;
    unsigned thread, block, other_thread, other_block;
    Site site, other_site;
    unsigned mask;
};

constexpr unsigned SOME_THREAD = ~0u;  // one of several

extern bool failed;

// Note the first fault of a launch, as one of the thread that runs.
void report(Fault found);

// Thrown to leave a kernel that has failed.
struct Stop {};

}  // namespace emulator
