#include "common.cuh"

template <typename T, typename I>
__global__ void half_a_warp(array<const T> x, array<T> y, I kind) {
    const unsigned me = threadIdx.x;
    const I i = blockIdx.x * blockDim.x + me;
    T value = x[i];
    if (kind == 4 && me == 50) return;
    if (me % 32 < 16) {
        const unsigned mask = kind == 1 ? ~0u : kind == 2 ? 0xfffe : 0xffff;
        value = __shfl_xor_sync(mask, value, kind == 3 ? 16 : 1);
    }
    if (kind == 4) __syncwarp();
    __syncthreads();
    y[i] = value;
}
