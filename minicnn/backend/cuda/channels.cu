// Sums over neighbouring channels (local response normalisation) and of each channel (the gradient
// of a bias).
//
//   sum_over_neighbour_channels  y[c, pixel] = x[c - before, pixel] + ... + x[c + after, pixel],
//                                as far as there are channels
//   sum_per_channel              totals[c] = sum of x[c, k] over k
//
// x, y (C, H·W·N), totals (C, pieces): one block of threads for each piece of a channel. With many
// pieces the kernel runs a second time, over the totals of the pieces.
#include "common.cuh"

// One thread for each element.
template <typename T, typename I>
__global__ void sum_over_neighbour_channels(
    array<const T> x, array<T> y, I before, I after, I channels, I pixels) {
    FOR_EACH(i, channels * pixels) {
        const I c = i / pixels, pixel = i % pixels;
        const I first = c < before ? 0 : c - before;
        const I last = c + after < channels ? c + after : channels - 1;
        T sum = 0;
        for (I k = first; k <= last; ++k) sum += x[k * pixels + pixel];
        y[i] = sum;
    }
}

// Each thread adds up numbers that lie a block apart (the reads of a warp are coalesced), then the
// threads' sums are added in pairs, half as many in each round.
template <typename T, typename I>
__global__ void sum_per_channel(array<const T> x, array<T> totals, I channels, I length, I pieces) {
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
