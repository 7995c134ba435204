// im2col and its adjoint col2im.
//
//   columns[c, kh, kw, oh, ow, n] = x[c, ih, iw, n], or 0 where (ih, iw) is padding
//   x[c, ih, iw, n] = sum of columns[c, kh, kw, oh, ow, n] over all taps that see (ih, iw)
//
// x (C, H, W, N), columns (C, KH, KW, OH, OW, N), which are images of C·KH·KW channels
#include "common.cuh"

// One thread for each element of the columns.
template <typename T, typename I>
__global__ void im2col(array<const T> x, array<T> columns, Window window, I channels, I batch) {
    const Images<I> input = window.input(batch), output = window.output(batch);
    const int taps = window.kernel_h * window.kernel_w;
    FOR_EACH(i, output.in_channels(channels * taps)) {
        const Pixel<I> place = output.pixel(i);  // its channel is c·KH·KW + kh·KW + kw
        const int tap = int(place.c % taps);
        const int ih = window.row_under(place.h, tap / window.kernel_w);
        const int iw = window.column_under(place.w, tap % window.kernel_w);
        const bool is_pixel = window.is_pixel(ih, iw);
        columns[i] = is_pixel ? x[input.index(place.c / taps, ih, iw, place.n)] : T(0);
    }
}

// One thread for each pixel, which gathers what the taps above it hold: no atomics, and the sum
// has one order.
template <typename T, typename I>
__global__ void col2im(array<const T> columns, array<T> x, Window window, I channels, I batch) {
    const Images<I> input = window.input(batch), output = window.output(batch);
    const int taps = window.kernel_h * window.kernel_w;
    FOR_EACH(i, input.in_channels(channels)) {
        const Pixel<I> pixel = input.pixel(i);
        T sum = 0;
        window.for_places_above(pixel.h, pixel.w, [&](int tap, int oh, int ow) {
            sum += columns[output.index(pixel.c * taps + tap, oh, ow, pixel.n)];
        });
        x[i] = sum;
    }
}
