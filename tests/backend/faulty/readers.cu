#include "common.cuh"

template <typename T, typename I>
__global__ void readers(array<T> y, I writer) {
    const unsigned me = threadIdx.x;
    const I i = blockIdx.x * blockDim.x + me;
    const T value = y[0];
    __syncthreads();
    if (i == writer) y[0] = value + 1;
}
