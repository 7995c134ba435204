// Padding in every mode, cropping, and the adjoint. Two lists of indices say what is copied.
//
//   pad          y[c, i, j, n] = x[c, rows[i], columns[j], n], or value where either index is -1
//   pad_adjoint  x[c, h, w, n] = sum of y[c, i, j, n] over all (i, j) that copy (h, w)
//
// x (C, H, W, N), y (C, rows, columns, N)
#include "common.cuh"

// One thread for each padded pixel.
template <typename T, typename I>
__global__ void pad(
    array<const T> x, array<const int> rows, array<const int> columns, array<T> y, T value,
    I channels, I height, I width, I padded_height, I padded_width, I batch) {
    const Images<I> images{int(height), int(width), batch};
    const Images<I> padded{int(padded_height), int(padded_width), batch};
    FOR_EACH(i, padded.in_channels(channels)) {
        const Pixel<I> to = padded.pixel(i);
        const int h = rows[to.h], w = columns[to.w];
        y[i] = h < 0 || w < 0 ? value : x[images.index(to.c, h, w, to.n)];
    }
}

// One thread for each pixel, which gathers its copies: no atomics. The copies of row h are
// row_copies[row_starts[h]], ..., row_copies[row_starts[h + 1] - 1]; those of columns alike.
template <typename T, typename I>
__global__ void pad_adjoint(
    array<const T> y, array<const int> row_starts, array<const int> row_copies,
    array<const int> column_starts, array<const int> column_copies, array<T> x,
    I channels, I height, I width, I padded_height, I padded_width, I batch) {
    const Images<I> images{int(height), int(width), batch};
    const Images<I> padded{int(padded_height), int(padded_width), batch};
    FOR_EACH(i, images.in_channels(channels)) {
        const Pixel<I> pixel = images.pixel(i);
        T sum = 0;
        for (int r = row_starts[pixel.h]; r < row_starts[pixel.h + 1]; ++r)
            for (int c = column_starts[pixel.w]; c < column_starts[pixel.w + 1]; ++c)
                sum += y[padded.index(pixel.c, row_copies[r], column_copies[c], pixel.n)];
        x[i] = sum;
    }
}
