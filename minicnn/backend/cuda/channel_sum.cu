// The sum over neighbouring channels, from which local response normalisation is made.
//
//   y[c, pixel] = x[c - before, pixel] + ... + x[c + after, pixel], as far as there are channels
//
// x, y (C, H·W·N)
#include "common.cuh"

// One thread for each element.
template <typename T, typename I>
__global__ void channel_sum(
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
