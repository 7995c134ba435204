// Sums over neighbouring channels, local response normalisation, which divides by such a sum, and
// sums of each channel (the gradient of a bias).
//
//   sum_over_neighbour_channels  y[c, pixel] = x[c - before, pixel] + ... + x[c + after, pixel],
//                                as far as there are channels
//   response_norm                y = x / base^beta, base = k + alpha · (the neighbours' squares)
//   sum_per_channel              totals[c] = sum of x[c, k] over k
//
// x, y, grad (C, H, W·N), totals (C, pieces). With several pieces the kernel runs a second time,
// over the totals of the pieces.
#include "common.cuh"

// The rows of all channels: the channels of row 0, those of row 1, ..., so that the neighbours of a
// channel are still in the cache.
template <typename I>
struct ChannelRow {
    I c, h, channels, height, length;

    __device__ ChannelRow(I row, I channels, I height, I length)
        : c(row % channels), h(row / channels), channels(channels), height(height), length(length) {}
    __device__ I start(I channel) const { return (channel * height + h) * length; }
    __device__ I start() const { return start(c); }

    // The sum of value(L, i) over this channel and its neighbours, as far as they exist: i is
    // number n of the row in each of them.
    template <typename L, typename Value>
    __device__ typename L::Numbers sum_of_neighbours(L, I before, I after, I n, Value value) const {
        const I first = c < before ? 0 : c - before;
        const I last = c + after < channels ? c + after : channels - 1;
        typename L::Numbers sum = L::all(0);
        for (I k = first; k <= last; ++k) sum += value(L(), start(k) + n);
        return sum;
    }
};

// base^-beta. The usual beta, 3/4, needs only roots, which are much faster than powers.
template <typename L, typename T>
__device__ typename L::Numbers inverse_power(typename L::Numbers base, T beta) {
    const typename L::Numbers one = L::all(1);
    if (beta != T(0.75)) return one / L::power(base, beta);
    const typename L::Numbers root = L::root(base);
    return one / (root * L::root(root));
}

// One lane for each element.
template <typename T, typename I>
__global__ void sum_over_neighbour_channels(
    array<const T> x, array<T> y, I before, I after, I channels, I height, I length) {
    for_each_row<Lanes<T>>(channels * height, length, [&](I row, auto for_each_number) {
        const ChannelRow<I> here(row, channels, height, length);
        for_each_number([&](auto lanes, I n) {
            typedef decltype(lanes) L;
            L::store(y, here.start() + n, here.sum_of_neighbours(lanes, before, after, n,
                [&](auto l, I i) { return decltype(l)::load(x, i); }));
        });
    });
}

// base of response_norm for number n of a row.
template <typename L, typename T, typename I>
__device__ typename L::Numbers response_base(
    array<const T> x, const ChannelRow<I>& here, I before, I after, T alpha, T k, I n) {
    return L::all(k) + L::all(alpha) * here.sum_of_neighbours(L(), before, after, n,
        [&](auto l, I i) {
            const auto value = decltype(l)::load(x, i);
            return value * value;
        });
}

// One lane for each element.
template <typename T, typename I>
__global__ void response_norm(
    array<const T> x, array<T> y, T alpha, T beta, T k, I before, I after, I channels, I height,
    I length) {
    for_each_row<Lanes<T>>(channels * height, length, [&](I row, auto for_each_number) {
        const ChannelRow<I> here(row, channels, height, length);
        for_each_number([&](auto lanes, I n) {
            typedef decltype(lanes) L;
            const auto base = response_base<L, T, I>(x, here, before, after, alpha, k, n);
            const I i = here.start() + n;
            L::store(y, i, L::load(x, i) * inverse_power<L, T>(base, beta));
        });
    });
}

// The gradient of response_norm, first half: scales = base^-beta, products = grad · x · scales / base
template <typename T, typename I>
__global__ void response_norm_products(
    array<const T> grad, array<const T> x, array<T> scales, array<T> products, T alpha, T beta,
    T k, I before, I after, I channels, I height, I length) {
    for_each_row<Lanes<T>>(channels * height, length, [&](I row, auto for_each_number) {
        const ChannelRow<I> here(row, channels, height, length);
        for_each_number([&](auto lanes, I n) {
            typedef decltype(lanes) L;
            const auto base = response_base<L, T, I>(x, here, before, after, alpha, k, n);
            const auto scale = inverse_power<L, T>(base, beta);
            const I i = here.start() + n;
            L::store(scales, i, scale);
            L::store(products, i, L::load(grad, i) * scale * L::load(x, i) / base);
        });
    });
}

// Second half: result = grad · scales - factor · x · (the sum of the products whose base has x in it),
// factor = 2 · alpha · beta
template <typename T, typename I>
__global__ void response_norm_grad(
    array<const T> grad, array<const T> x, array<const T> scales, array<const T> products,
    array<T> result, T factor, I before, I after, I channels, I height, I length) {
    for_each_row<Lanes<T>>(channels * height, length, [&](I row, auto for_each_number) {
        const ChannelRow<I> here(row, channels, height, length);
        for_each_number([&](auto lanes, I n) {
            typedef decltype(lanes) L;
            const auto sum = here.sum_of_neighbours(lanes, after, before, n,
                [&](auto l, I i) { return decltype(l)::load(products, i); });
            const I i = here.start() + n;
            L::store(result, i, L::load(grad, i) * L::load(scales, i)
                - L::all(factor) * L::load(x, i) * sum);
        });
    });
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
