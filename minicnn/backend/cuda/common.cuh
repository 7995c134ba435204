// What every source shares: which threads do what, and the geometry of images and windows.
//
// Arrays lie in storage order (C, H, W, N), the batch index n moving fastest, so neighbouring
// threads take neighbouring images: every access of a warp is one piece of memory (coalesced).
//
// The template parameters T and I are the type of the numbers (float, double) and of the indices
// (int, or long long for arrays of 2^30 elements and more).
#pragma once

#if defined(MINICNN_EMULATOR)
#include "emulator.h"
#elif defined(MINICNN_NATIVE)
#include "native.h"
#else
template <typename T>
using array = T* __restrict__;  // no two arguments of a kernel overlap
template <typename T>
using Rest = T*;  // an array from an element on
#endif

#ifndef MINICNN_NATIVE
// The loop of a thread over its share of all elements: i, i + (number of threads), ...
#define FOR_EACH(i, elements)                                                    \
    for (I i = I(blockIdx.x) * I(blockDim.x) + I(threadIdx.x); i < I(elements);  \
         i += I(gridDim.x) * I(blockDim.x))
#endif

#include "lanes.cuh"

// Several arrays as one argument: piece k holds the elements from end[k - 1] to end[k] of all.
template <typename T>
struct Pieces {
    array<const T> at[PIECES];
    long long end[PIECES];
};

// Where a pixel of images (C, H, W, N) is.
template <typename I>
struct Pixel {
    I c;
    int h, w;
};

// Images of one size: from the row of a pixel, which holds it for all images, to its place and back.
template <typename I>
struct Images {
    int height, width;
    I batch;

    __device__ I rows(I channels) const { return channels * height * width; }
    __device__ Pixel<I> pixel(I row) const {
        const I h = row / width;
        return {h / height, int(h % height), int(row % width)};
    }
    __device__ I start(I c, int h, int w) const { return ((c * height + h) * width + w) * batch; }
};

// geometry.Window: input index = output index * stride + tap * dilation - padding, on each axis.
struct Window {
    int input_h, input_w, output_h, output_w, kernel_h, kernel_w;
    int stride_h, stride_w, top, left, dilation_h, dilation_w;

    template <typename I>
    __device__ Images<I> input(I batch) const { return {input_h, input_w, batch}; }
    template <typename I>
    __device__ Images<I> output(I batch) const { return {output_h, output_w, batch}; }

    __device__ int row_under(int oh, int kh) const { return oh * stride_h + kh * dilation_h - top; }
    __device__ int column_under(int ow, int kw) const {
        return ow * stride_w + kw * dilation_w - left;
    }
    __device__ bool is_pixel(int ih, int iw) const {
        return 0 <= ih && ih < input_h && 0 <= iw && iw < input_w;
    }
};

// Which places of a window see a pixel: the lists of runs.py, from a pixel to its places.
struct PlacesAbove {
    array<const int> rows, columns, taps, starts;
    int kinds;

    // visit(tap, place) for every place that sees pixel (h, w): tap = kh·KW + kw in row order, and
    // place = oh·OW + ow.
    template <typename Visit>
    __device__ void for_each(int h, int w, Visit visit) const {
        const int kind = rows[2 * h + 1] * kinds + columns[4 * w + 3];
        const int start = rows[2 * h] + columns[4 * w + 2];
        for (int k = starts[kind]; k < starts[kind + 1]; ++k)
            visit(taps[2 * k + 1], start + taps[2 * k]);
    }
};

#ifdef MINICNN_NATIVE
// compute(lanes, n) from image n on: for as many at a time as L has, then with fewer for the rest.
template <typename L, typename I, typename Compute>
__forceinline__ void for_lanes(I n, I batch, Compute compute) {
    for (; n + L::COUNT <= batch; n += L::COUNT) compute(L(), n);
    if constexpr (L::COUNT > 1) for_lanes<typename L::Fewer>(n, batch, compute);
}
#endif

// body(row, for_each_image) for every row of `batch` numbers: the images at one pixel. In it,
// for_each_image(compute) calls compute(lanes, n) for the numbers that one thread holds: image n
// and, on a CPU, those after it that fit into a vector.
template <typename L, typename I, typename Body>
__device__ __forceinline__ void for_each_row(I rows, I batch, Body body) {
#ifdef MINICNN_NATIVE
    FOR_EACH(row, rows) {
        body(row, [&](auto compute) {
            for_lanes<L>(I(0), batch, compute);
        });
    }
#else
    FOR_EACH(i, rows * batch) {
        const I n = i % batch;
        body(i / batch, [&](auto compute) { compute(L(), n); });
    }
#endif
}
