// Pooling: maximum, minimum and average, unpooling, and where their values go and come from.
//
//   max_pool          y[c, oh, ow, n] = the largest x[c, ih, iw, n] under the window; padding is -inf
//   min_pool          the smallest; padding is inf
//   winner_scatter    puts each window's value back onto its winner, adding where windows overlap
//   winner_gather     picks from another array the pixels that won in x
//   unpool            x[c, position[c, place, n], n] = values[c, place, n], 0 elsewhere
//   unpool_adjoint    values[c, place, n] = x[c, position[c, place, n], n]
//   avg_pool          y[c, oh, ow, n] = (sum of x[c, ih, iw, n] in the window) / divisor[oh, ow]
//   avg_pool_adjoint  x[c, ih, iw, n] = sum of y[c, oh, ow, n] / divisor[oh, ow] over its windows
//
// The winner is the first in row order that is equal to y; NaN wins over everything. A position is
// ih * W + iw, within one map.
// x (C, H, W, N), y, values and positions (C, OH, OW, N), divisor (OH, OW)
#include "common.cuh"

struct Larger {
    template <typename T>
    __device__ static bool wins(T a, T b) { return a > b; }
};
struct Smaller {
    template <typename T>
    __device__ static bool wins(T a, T b) { return a < b; }
};

// One thread for each place of the window.
template <typename Better, typename T, typename I>
__device__ void pool(
    array<const T> x, array<T> y, const Window& window, T worst, I channels, I batch) {
    const Images<I> input = window.input(batch), output = window.output(batch);
    FOR_EACH(i, output.in_channels(channels)) {
        const Pixel<I> place = output.pixel(i);
        T best = worst;
        for (int kh = 0; kh < window.kernel_h; ++kh)
            for (int kw = 0; kw < window.kernel_w; ++kw) {
                const int ih = window.row_under(place.h, kh), iw = window.column_under(place.w, kw);
                if (!window.is_pixel(ih, iw)) continue;
                const T value = x[input.index(place.c, ih, iw, place.n)];
                if (Better::wins(value, best) || value != value) best = value;
            }
        y[i] = best;
    }
}

template <typename T, typename I>
__global__ void max_pool(
    array<const T> x, array<T> y, Window window, T worst, I channels, I batch) {
    pool<Larger, T, I>(x, y, window, worst, channels, batch);
}

template <typename T, typename I>
__global__ void min_pool(
    array<const T> x, array<T> y, Window window, T worst, I channels, I batch) {
    pool<Smaller, T, I>(x, y, window, worst, channels, batch);
}

// Whether a pixel can be the winner of a window whose result is y.
template <typename T>
__device__ bool is_best(T value, T y) { return value == y || value != value; }

// The tap, kh·KW + kw, of the first winner of the window at a place, looked for before `end`.
template <typename T, typename I>
__device__ int first_winner(
    array<const T> x, T y, const Window& window, const Images<I>& input, const Pixel<I>& place,
    int end) {
    for (int tap = 0; tap < end; ++tap) {
        const int ih = window.row_under(place.h, tap / window.kernel_w);
        const int iw = window.column_under(place.w, tap % window.kernel_w);
        if (window.is_pixel(ih, iw) && is_best(x[input.index(place.c, ih, iw, place.n)], y))
            return tap;
    }
    return end;
}

// One thread for each pixel, which gathers from the windows that it won: no atomics.
template <typename V, typename T, typename I>
__global__ void winner_scatter(
    array<const V> values, array<const T> x, array<const T> y, array<V> result,
    Window window, I channels, I batch) {
    const Images<I> input = window.input(batch), output = window.output(batch);
    FOR_EACH(i, input.in_channels(channels)) {
        const Pixel<I> pixel = input.pixel(i);
        V sum = 0;
        window.for_places_above(pixel.h, pixel.w, [&](int tap, int oh, int ow) {
            const Pixel<I> place{pixel.c, oh, ow, pixel.n};
            const I p = output.index(pixel.c, oh, ow, pixel.n);
            if (is_best(x[i], y[p])
                && first_winner<T, I>(x, y[p], window, input, place, tap) == tap)
                sum += values[p];
        });
        result[i] = sum;
    }
}

// One thread for each place of the window.
template <typename V, typename T, typename I>
__global__ void winner_gather(
    array<const V> values, array<const T> x, array<const T> y, array<V> result,
    Window window, I channels, I batch) {
    const Images<I> input = window.input(batch), output = window.output(batch);
    const int taps = window.kernel_h * window.kernel_w;
    FOR_EACH(i, output.in_channels(channels)) {
        const Pixel<I> place = output.pixel(i);
        const int tap = first_winner<T, I>(x, y[i], window, input, place, taps);
        if (tap == taps) {  // only for a y that is not the pooled x
            result[i] = 0;
            continue;
        }
        const int ih = window.row_under(place.h, tap / window.kernel_w);
        const int iw = window.column_under(place.w, tap % window.kernel_w);
        result[i] = values[input.index(place.c, ih, iw, place.n)];
    }
}

// ---- unpooling

// One thread for each map, which keeps the order: where a position comes twice the last one stays.
template <typename T, typename I>
__global__ void unpool(
    array<const T> values, array<const long long> positions, array<T> x,
    I channels, I places, I pixels, I batch) {
    FOR_EACH(map, channels * batch) {
        const I c = map / batch, n = map % batch;
        for (I p = 0; p < pixels; ++p) x[(c * pixels + p) * batch + n] = 0;
        for (I place = 0; place < places; ++place) {
            const I i = (c * places + place) * batch + n;
            x[(c * pixels + I(positions[i])) * batch + n] = values[i];
        }
    }
}

// One thread for each value.
template <typename T, typename I>
__global__ void unpool_adjoint(
    array<const T> x, array<const long long> positions, array<T> values,
    I channels, I places, I pixels, I batch) {
    FOR_EACH(i, channels * places * batch) {
        const I c = i / batch / places, n = i % batch;
        values[i] = x[(c * pixels + I(positions[i])) * batch + n];
    }
}

// ---- the average; the divisor is given for each place, for it may count padding

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
