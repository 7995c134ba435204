// Average pooling and its adjoint; the divisor is given for each place, for it may count padding.
//
//   avg_pool          y[c, oh, ow, n] = (sum of x[c, ih, iw, n] in the window) / divisor[oh, ow]
//   avg_pool_adjoint  x[c, ih, iw, n] = sum of y[c, oh, ow, n] / divisor[oh, ow] over its windows
//
// x (C, H, W, N), y (C, OH, OW, N), divisor (OH, OW)
#include "common.cuh"

// One thread for each place of the window.
template <typename T, typename I>
__global__ void avg_pool(
    array<const T> x, array<const T> divisor, array<T> y, Window window, I channels, I batch) {
    const Images<I> input = window.input(batch), output = window.output(batch);
    FOR_EACH(i, output.in_channels(channels)) {
        const Pixel<I> place = output.pixel(i);
        T sum = 0;
        for (int kh = 0; kh < window.kernel_h; ++kh)
            for (int kw = 0; kw < window.kernel_w; ++kw) {
                const int ih = window.row_under(place.h, kh), iw = window.column_under(place.w, kw);
                if (window.is_pixel(ih, iw)) sum += x[input.index(place.c, ih, iw, place.n)];
            }
        y[i] = sum / divisor[I(place.h) * window.output_w + place.w];
    }
}

// One thread for each pixel, which gathers its shares of the windows above it: no atomics.
template <typename T, typename I>
__global__ void avg_pool_adjoint(
    array<const T> y, array<const T> divisor, array<T> x, Window window, I channels, I batch) {
    const Images<I> input = window.input(batch), output = window.output(batch);
    FOR_EACH(i, input.in_channels(channels)) {
        const Pixel<I> pixel = input.pixel(i);
        T sum = 0;
        window.for_places_above(pixel.h, pixel.w, [&](int, int oh, int ow) {
            const T share = y[output.index(pixel.c, oh, ow, pixel.n)];
            sum += share / divisor[I(oh) * window.output_w + ow];
        });
        x[i] = sum;
    }
}
