#include "common.cuh"

template <typename T, typename I>
__global__ void shuffles(array<const T> x, array<T> y, I width) {
    const unsigned me = threadIdx.x;
    const I i = blockIdx.x * blockDim.x + me;
    y[i] = __shfl_sync(~0u, x[i], 5, int(width));
    y[512 + i] = __shfl_up_sync(~0u, x[i], 3, int(width));
    y[1024 + i] = __shfl_down_sync(~0u, x[i], 3, int(width));
    y[1536 + i] = __shfl_xor_sync(~0u, x[i], 9, int(width));
}
