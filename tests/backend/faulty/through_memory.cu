#include "common.cuh"

template <typename T, typename I>
__global__ void through_memory(array<const T> x, array<T> y, I distance, I waits) {
    __shared__ T row[THREADS];
    const unsigned me = threadIdx.x;
    const I i = blockIdx.x * blockDim.x + me;
    row[me] = x[i];
    if (waits) __syncwarp();
    y[i] = row[me ^ unsigned(distance)];
}
