// Sums over neighbouring channels, local response normalisation, which divides by such a sum, and
// sums of each channel (the gradient of a bias).
//
//   sum_over_neighbour_channels  y[c, pixel] = x[c - before, pixel] + ... + x[c + after, pixel],
//                                as far as there are channels
//   response_norm                y = x / base^beta, base = k + alpha · (the neighbours' squares)
//   sum_per_channel              totals[c] = sum of x[c, k] over k
//
// x, y, grad (C, H·W·N), totals (C, pieces). With several pieces the kernel runs a second time, over
// the totals of the pieces.
#include "common.cuh"

// The sum of value(j) over the element i of channel c and its neighbours, as far as they exist.
template <typename T, typename I, typename Value>
__device__ T sum_of_neighbours(I i, I before, I after, I channels, I pixels, Value value) {
    const I c = i / pixels, pixel = i % pixels;
    const I first = c < before ? 0 : c - before;
    const I last = c + after < channels ? c + after : channels - 1;
    T sum = 0;
    for (I k = first; k <= last; ++k) sum += value(k * pixels + pixel);
    return sum;
}

// One thread for each element.
template <typename T, typename I>
__global__ void sum_over_neighbour_channels(
    array<const T> x, array<T> y, I before, I after, I channels, I pixels) {
    FOR_EACH(i, channels * pixels) {
        y[i] = sum_of_neighbours<T, I>(
            i, before, after, channels, pixels, [&](I j) { return x[j]; });
    }
}

// One thread for each element.
template <typename T, typename I>
__global__ void response_norm(
    array<const T> x, array<T> y, T alpha, T beta, T k, I before, I after, I channels, I pixels) {
    FOR_EACH(i, channels * pixels) {
        const T squares = sum_of_neighbours<T, I>(
            i, before, after, channels, pixels, [&](I j) { return x[j] * x[j]; });
        y[i] = x[i] / pow(k + alpha * squares, beta);
    }
}

// The gradient of response_norm, first half: scales = base^-beta, products = grad · x · scales / base
template <typename T, typename I>
__global__ void response_norm_products(
    array<const T> grad, array<const T> x, array<T> scales, array<T> products, T alpha, T beta,
    T k, I before, I after, I channels, I pixels) {
    FOR_EACH(i, channels * pixels) {
        const T squares = sum_of_neighbours<T, I>(
            i, before, after, channels, pixels, [&](I j) { return x[j] * x[j]; });
        const T base = k + alpha * squares, scale = pow(base, -beta);
        scales[i] = scale;
        products[i] = grad[i] * scale * x[i] / base;
    }
}

// Second half: result = grad · scales - factor · x · (the sum of the products whose base has x in it),
// factor = 2 · alpha · beta
template <typename T, typename I>
__global__ void response_norm_grad(
    array<const T> grad, array<const T> x, array<const T> scales, array<const T> products,
    array<T> result, T factor, I before, I after, I channels, I pixels) {
    FOR_EACH(i, channels * pixels) {
        const T sum = sum_of_neighbours<T, I>(
            i, after, before, channels, pixels, [&](I j) { return products[j]; });
        result[i] = grad[i] * scales[i] - factor * x[i] * sum;
    }
}

// One warp for each piece of a channel; its threads add up neighbouring numbers, and then their sums.
template <typename T, typename I>
__global__ void sum_per_channel(array<const T> x, array<T> totals, I channels, I length, I pieces) {
    typedef Lanes<T> L;
    FOR_EACH_WARP(w, channels * pieces) {
        const I channel = w / pieces, piece = w % pieces;
        const I first = length * piece / pieces, size = length * (piece + 1) / pieces - first;
        const auto numbers = x + (channel * length + first);
        const I whole = size - size % L::COUNT;
        typename L::Numbers sum = L::all(0);
        for (I k = L::lane(); k < whole; k += L::WARP) sum += L::load(numbers, k);
        if (whole < size) sum += L::load_first(numbers, whole, size - whole);
        const T total = L::sum_of_warp(sum);
        if (L::lane() == 0) totals[w] = total;
    }
}
