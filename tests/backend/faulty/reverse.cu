#include "common.cuh"

template <typename T, typename I>
__global__ void reverse(array<const T> x, array<T> y, I waits) {
    __shared__ T row[THREADS];
    const unsigned me = threadIdx.x;
    const I i = blockIdx.x * blockDim.x + me;
    row[me] = x[i];
    if (waits) __syncthreads();
    y[i] = row[THREADS - 1 - me];
}
