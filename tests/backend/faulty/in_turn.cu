#include "common.cuh"

template <typename T, typename I>
__global__ void in_turn(array<int> next, array<int> turns, I elements) {
    FOR_EACH(i, elements) turns[atomicAdd(&next[0], 1)] = int(i);
}
