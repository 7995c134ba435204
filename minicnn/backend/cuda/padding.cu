// Padding in every mode, cropping, and the adjoint. Two lists of indices say what is copied.
//
//   pad          y[c, i, j, n] = x[c, rows[i], columns[j], n], or value where either index is -1
//   pad_adjoint  x[c, h, w, n] = sum of y[c, i, j, n] over all (i, j) that copy (h, w)
//
// x (C, H, W, N), y (C, rows, columns, N)
#include "common.cuh"

// One lane for each padded pixel.
template <typename T, typename I>
__global__ void pad(
    array<const T> x, array<const int> rows, array<const int> columns, array<T> y, T value,
    I channels, I height, I width, I padded_height, I padded_width, I batch) {
    const Images<I> images{int(height), int(width), batch};
    const Images<I> padded{int(padded_height), int(padded_width), batch};
    for_each_row<RowLanes<T>>(padded.rows(channels), batch, [&](I row, auto for_each_image) {
        const Pixel<I> to = padded.pixel(row);
        const int h = rows[to.h], w = columns[to.w];
        const bool is_pixel = h >= 0 && w >= 0;
        const I from = is_pixel ? images.start(to.c, h, w) : 0;
        for_each_image([&](auto lanes, I n) {
            typedef decltype(lanes) L;
            L::store(y, row * batch + n, is_pixel ? L::load(x, from + n) : L::all(value));
        });
    });
}

// One lane for each pixel, which gathers its copies: no atomics. The copies of row h are
// row_copies[row_starts[h]], ..., row_copies[row_starts[h + 1] - 1]; those of columns alike.
template <typename T, typename I>
__global__ void pad_adjoint(
    array<const T> y, array<const int> row_starts, array<const int> row_copies,
    array<const int> column_starts, array<const int> column_copies, array<T> x,
    I channels, I height, I width, I padded_height, I padded_width, I batch) {
    const Images<I> images{int(height), int(width), batch};
    const Images<I> padded{int(padded_height), int(padded_width), batch};
    for_each_row<RowLanes<T>>(images.rows(channels), batch, [&](I row, auto for_each_image) {
        const Pixel<I> pixel = images.pixel(row);
        for_each_image([&](auto lanes, I n) {
            typedef decltype(lanes) L;
            typename L::Numbers sum = L::all(0);
            for (int r = row_starts[pixel.h]; r < row_starts[pixel.h + 1]; ++r)
                for (int c = column_starts[pixel.w]; c < column_starts[pixel.w + 1]; ++c)
                    sum += L::load(
                        y, padded.start(pixel.c, row_copies[r], column_copies[c]) + n);
            L::store(x, row * batch + n, sum);
        });
    });
}
