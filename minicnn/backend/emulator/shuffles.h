// Barriers, and shuffles between the lanes of a warp. What waiting means is in threads.cpp.
#pragma once

namespace emulator {

// The value of another lane, which calls this too.
template <typename T>
T shuffle(unsigned mask, T value, unsigned lane, Site site) {
    static_assert(sizeof(T) <= 8, "a shuffle takes up to 8 bytes");
    unsigned long long bits = 0;
    __builtin_memcpy(&bits, &value, sizeof(T));
    bits = receive(mask, bits, lane, site);
    __builtin_memcpy(&value, &bits, sizeof(T));
    return value;
}

}  // namespace emulator

// The last two arguments say where the call is.
#define CALLED_AT const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(CALLED_AT) { emulator::wait_for_block({"__syncthreads", file, line}); }

inline void __syncwarp(unsigned mask = ~0u, CALLED_AT) {
    emulator::receive(mask, 0, threadIdx.x % warpSize, {"__syncwarp", file, line});
}

// Shuffles: lanes read each other's value in groups of `width`. Where the source lies outside of
// the group a lane receives its own value.
template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = warpSize, CALLED_AT) {
    const unsigned group = threadIdx.x % warpSize & -unsigned(width);
    const unsigned from = group | (unsigned(source) & (unsigned(width) - 1));
    return emulator::shuffle(mask, value, from, {"__shfl_sync", file, line});
}

template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize, CALLED_AT) {
    const unsigned lane = threadIdx.x % warpSize, place = lane & (unsigned(width) - 1);
    const unsigned from = delta <= place ? lane - delta : lane;
    return emulator::shuffle(mask, value, from, {"__shfl_up_sync", file, line});
}

template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize, CALLED_AT) {
    const unsigned lane = threadIdx.x % warpSize, place = lane & (unsigned(width) - 1);
    const unsigned from = place + delta < unsigned(width) ? lane + delta : lane;
    return emulator::shuffle(mask, value, from, {"__shfl_down_sync", file, line});
}

template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = warpSize, CALLED_AT) {
    const unsigned lane = threadIdx.x % warpSize, end = (lane & -unsigned(width)) + unsigned(width);
    const unsigned other = lane ^ unsigned(bits), from = other < end ? other : lane;
    return emulator::shuffle(mask, value, from, {"__shfl_xor_sync", file, line});
}
#undef CALLED_AT
