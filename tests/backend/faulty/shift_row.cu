#include "common.cuh"

template <typename T, typename I>
__global__ void shift_row(array<const T> x, array<T> y) {
    __shared__ T row[THREADS];
    const unsigned me = threadIdx.x;
    const I i = blockIdx.x * blockDim.x + me;
    row[me] = x[i];
    __syncthreads();
    y[i] = row[me];
    row[(me + 255) % 256] = x[i];
}
