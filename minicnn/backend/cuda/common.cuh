// What every source shares: which threads do what, and the geometry of images and windows.
//
// Arrays lie in storage order (C, H, W, N), the batch index n moving fastest, so neighbouring
// threads take neighbouring images: every access of a warp is one piece of memory (coalesced).
//
// The template parameters T and I are the type of the numbers (float, double) and of the indices
// (int, or long long for arrays of 2^30 elements and more).
#pragma once

#ifdef MINICNN_EMULATOR
#include "emulator.h"
#else
template <typename T>
using array = T* __restrict__;  // no two arguments of a kernel overlap
#endif

// The loop of a thread over its share of all elements: i, i + (number of threads), ...
#define FOR_EACH(i, elements)                                                    \
    for (I i = I(blockIdx.x) * I(blockDim.x) + I(threadIdx.x); i < I(elements);  \
         i += I(gridDim.x) * I(blockDim.x))

// Several arrays as one argument: piece k holds the elements from end[k - 1] to end[k] of all.
template <typename T>
struct Pieces {
    array<const T> at[PIECES];
    long long end[PIECES];
};

// Where an element of images (C, H, W, N) is.
template <typename I>
struct Pixel {
    I c;
    int h, w, n;
};

// Images of one size: from the index of an element to its place and back.
template <typename I>
struct Images {
    int height, width;
    I batch;

    __device__ I in_channels(I channels) const { return channels * height * width * batch; }
    __device__ Pixel<I> pixel(I i) const {
        const int n = int(i % batch);
        i /= batch;
        const int w = int(i % width);
        i /= width;
        return {i / height, int(i % height), w, n};
    }
    __device__ I index(I c, int h, int w, int n) const {
        return ((c * height + h) * width + w) * batch + n;
    }
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
    // The place of the window whose tap kh (kw) lies on row ih (column iw); -1 if there is none.
    __device__ int row_of_place(int ih, int kh) const {
        return place(ih + top - kh * dilation_h, stride_h, output_h);
    }
    __device__ int column_of_place(int iw, int kw) const {
        return place(iw + left - kw * dilation_w, stride_w, output_w);
    }
    __device__ static int place(int start, int stride, int places) {
        return start >= 0 && start % stride == 0 && start / stride < places ? start / stride : -1;
    }

    // visit(tap, oh, ow) for every place that sees the pixel, tap = kh·KW + kw in row order.
    template <typename Visit>
    __device__ void for_places_above(int ih, int iw, Visit visit) const {
        for (int kh = 0; kh < kernel_h; ++kh) {
            const int oh = row_of_place(ih, kh);
            if (oh < 0) continue;
            for (int kw = 0; kw < kernel_w; ++kw) {
                const int ow = column_of_place(iw, kw);
                if (ow >= 0) visit(kh * kernel_w + kw, oh, ow);
            }
        }
    }
};
