// The total of each channel, such as the gradient of a bias.
//
//   totals[c] = sum of x[c, k] over k
//
// x (C, L), totals (C, pieces): one block of threads for each piece of a channel. With many pieces
// the kernel runs a second time, over the totals of the pieces.
#include "common.cuh"

// Each thread adds up numbers that lie a block apart (the reads of a warp are coalesced), then the
// threads' sums are added in pairs, half as many in each round.
template <typename T, typename I>
__global__ void channel_totals(array<const T> x, array<T> totals, I channels, I length, I pieces) {
    __shared__ T sums[THREADS];
    for (I block = blockIdx.x; block < channels * pieces; block += gridDim.x) {
        const I channel = block / pieces, piece = block % pieces;
        T sum = 0;
        for (I k = piece * THREADS + threadIdx.x; k < length; k += pieces * THREADS)
            sum += x[channel * length + k];
        __syncthreads();  // the last round has been read
        sums[threadIdx.x] = sum;
        __syncthreads();
        for (unsigned half = THREADS / 2; half > 0; half /= 2) {
            if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
            __syncthreads();
        }
        if (threadIdx.x == 0) totals[block] = sums[0];
    }
}
