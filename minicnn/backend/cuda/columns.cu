// im2col and its adjoint col2im.
//
//   columns[c, kh, kw, oh, ow, n] = x[c, ih, iw, n], or 0 where (ih, iw) is padding
//   x[c, ih, iw, n] = sum of columns[c, kh, kw, oh, ow, n] over all taps that see (ih, iw)
//
// x (C, H, W, N), columns (C, KH, KW, OH, OW, N), which are images of C·KH·KW channels
#include "common.cuh"

// One lane for each element of the columns.
template <typename T, typename I>
__global__ void im2col(array<const T> x, array<T> columns, Window window, I channels, I batch) {
    const Images<I> input = window.input(batch), output = window.output(batch);
    const int taps = window.kernel_h * window.kernel_w;
    for_each_row<RowLanes<T>>(output.rows(channels * taps), batch, [&](I row, auto for_each_image) {
        const Pixel<I> place = output.pixel(row);  // its channel is c·KH·KW + kh·KW + kw
        const int tap = int(place.c % taps);
        const int ih = window.row_under(place.h, tap / window.kernel_w);
        const int iw = window.column_under(place.w, tap % window.kernel_w);
        const bool is_pixel = window.is_pixel(ih, iw);
        const I pixel = is_pixel ? input.start(place.c / taps, ih, iw) : 0;
        for_each_image([&](auto lanes, I n) {
            typedef decltype(lanes) L;
            L::store(columns, row * batch + n, is_pixel ? L::load(x, pixel + n) : L::all(0));
        });
    });
}

// One lane for each pixel, which gathers what the taps above it hold: no atomics, and the sum has
// one order.
template <typename T, typename I>
__global__ void col2im(
    array<const T> columns, array<T> x, array<const int> above_rows, array<const int> above_columns,
    array<const int> above_taps, array<const int> above_starts, Window window, I kinds, I channels,
    I batch) {
    const PlacesAbove above = {above_rows, above_columns, above_taps, above_starts, int(kinds)};
    const Images<I> input = window.input(batch), output = window.output(batch);
    const int taps = window.kernel_h * window.kernel_w;
    for_each_row<RowLanes<T>>(input.rows(channels), batch, [&](I row, auto for_each_image) {
        const Pixel<I> pixel = input.pixel(row);
        for_each_image([&](auto lanes, I n) {
            typedef decltype(lanes) L;
            typename L::Numbers sum = L::all(0);
            above.for_each(pixel.h, pixel.w, [&](int tap, int place) {
                sum += L::load(columns, output.start(pixel.c * taps + tap, 0, 0) + place * batch + n);
            });
            L::store(x, row * batch + n, sum);
        });
    });
}
