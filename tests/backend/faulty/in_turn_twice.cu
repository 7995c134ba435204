#include "common.cuh"

template <typename T, typename I>
__global__ void in_turn_twice(array<int> next, array<int> turns, I elements) {
    FOR_EACH(i, elements) {
        turns[atomicAdd(&next[0], 1)] = int(i);
        __syncthreads();
        turns[atomicAdd(&next[0], 1)] = int(i);
    }
}
