#include "common.cuh"

template <typename T, typename I>
__global__ void warp_sum(array<const T> x, array<T> y) {
    const unsigned me = threadIdx.x;
    const I i = blockIdx.x * blockDim.x + me;
    T sum = x[i];
    for (int half = 16; half > 0; half /= 2) sum += __shfl_down_sync(0xffffffff, sum, half);
    sum = __shfl_sync(0xffffffff, sum, 0);
    y[i] = sum;
}
