// im2col and its adjoint col2im.
//
//   columns[c, kh, kw, oh, ow, n] = x[c, ih, iw, n], or 0 where (ih, iw) is padding
//   x[c, ih, iw, n] = sum of columns[c, kh, kw, oh, ow, n] over all taps that see (ih, iw)
//
// x (C, H, W, N), columns (C, KH, KW, OH, OW, N)
#include "common.cuh"

// One thread for each element of the columns.
template <typename T, typename I>
__global__ void im2col(array<const T> x, array<T> columns, Window window, I channels, I batch) {
    const I taps = I(window.kernel_h) * window.kernel_w;
    FOR_EACH(i, channels * taps * window.output_h * window.output_w * batch) {
        const Pixel<I> place(i, window.output_h, window.output_w, int(batch));  // c: channel and tap
        const int tap = int(place.c % taps);
        const int ih = window.row_under(place.h, tap / window.kernel_w);
        const int iw = window.column_under(place.w, tap % window.kernel_w);
        columns[i] = window.is_pixel(ih, iw)
            ? x[index_of<I>(place.c / taps, ih, iw, place.n, window.input_h, window.input_w, int(batch))]
            : T(0);
    }
}

// One thread for each pixel, which gathers what the taps above it hold: no atomics, and the sum has
// one order.
template <typename T, typename I>
__global__ void col2im(array<const T> columns, array<T> x, Window window, I channels, I batch) {
    FOR_EACH(i, channels * window.input_h * window.input_w * batch) {
        const Pixel<I> pixel(i, window.input_h, window.input_w, int(batch));
        T sum = 0;
        for (int kh = 0; kh < window.kernel_h; ++kh) {
            const int oh = window.row_of_place(pixel.h, kh);
            if (oh < 0) continue;
            for (int kw = 0; kw < window.kernel_w; ++kw) {
                const int ow = window.column_of_place(pixel.w, kw);
                if (ow < 0) continue;
                const I tap = (pixel.c * window.kernel_h + kh) * window.kernel_w + kw;
                sum += columns[index_of<I>(tap, oh, ow, pixel.n, window.output_h, window.output_w, int(batch))];
            }
        }
        x[i] = sum;
    }
}
