// The total of each channel, such as the gradient of a bias.
//
//   totals[c] = sum of x[c, k] over k
//
// x (C, L), totals (C, pieces): one block of threads for each piece of a channel. With many pieces the
// kernel runs a second time, over the totals of the pieces.
#include "common.cuh"

// Each thread adds up numbers that lie a block apart (the reads of a warp are coalesced), then the
// threads' sums are added in pairs, half as many in each round.
template <typename T, typename I>
__global__ void channel_totals(array<const T> x, array<T> totals, I length, I pieces) {
    __shared__ T sums[256];  // as many as launch.THREADS
    const I channel = blockIdx.x / pieces, piece = blockIdx.x % pieces;
    T sum = 0;
    for (I k = piece * blockDim.x + threadIdx.x; k < length; k += pieces * blockDim.x)
        sum += x[channel * length + k];
    sums[threadIdx.x] = sum;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0) totals[blockIdx.x] = sums[0];
}
