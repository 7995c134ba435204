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
    template <typename V>
    __device__ static auto wins(V a, V b) { return a > b; }
};
struct Smaller {
    template <typename V>
    __device__ static auto wins(V a, V b) { return a < b; }
};

// visit(pixel) for each tap of the window at a place that lies on a pixel, in row order, until it
// returns false: where the pixel's images begin.
template <typename I, typename Visit>
__device__ __forceinline__ void for_pixels_under(
    const Window& window, const Images<I>& input, const Pixel<I>& place, Visit visit) {
    for (int kh = 0; kh < window.kernel_h; ++kh)
        for (int kw = 0; kw < window.kernel_w; ++kw) {
            const int ih = window.row_under(place.h, kh), iw = window.column_under(place.w, kw);
            if (window.is_pixel(ih, iw) && !visit(input.start(place.c, ih, iw))) return;
        }
}

// One lane for each place of the window.
template <typename Better, typename T, typename I>
__device__ void pool(
    array<const T> x, array<T> y, const Window& window, T worst, I channels, I batch) {
    const Images<I> input = window.input(batch), output = window.output(batch);
    for_each_row<RowLanes<T>>(output.rows(channels), batch, [&](I row, auto for_each_image) {
        const Pixel<I> place = output.pixel(row);
        for_each_image([&](auto lanes, I n) {
            typedef decltype(lanes) L;
            typename L::Numbers best = L::all(worst);
            for_pixels_under<I>(window, input, place, [&](I pixel) {
                const typename L::Numbers value = L::load(x, pixel + n);
                best = select(Better::wins(value, best) | (value != value), value, best);
                return true;
            });
            L::store(y, row * batch + n, best);
        });
    });
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
template <typename V>
__device__ auto is_best(V value, V y) { return (value == y) | (value != value); }

// One lane for each pixel, which gathers from the windows that it won: no atomics.
template <typename V, typename T, typename I>
__global__ void winner_scatter(
    array<const V> values, array<const T> x, array<const T> y, array<V> result,
    array<const int> above_rows, array<const int> above_columns, array<const int> above_taps,
    array<const int> above_starts, Window window, I kinds, I channels, I batch) {
    const PlacesAbove above = {above_rows, above_columns, above_taps, above_starts, int(kinds)};
    const Images<I> input = window.input(batch), output = window.output(batch);
    for_each_row<RowLanesOf<T, V>>(input.rows(channels), batch, [&](I row, auto for_each_image) {
        const Pixel<I> pixel = input.pixel(row);
        for_each_image([&](auto lanes, I n) {
            typedef decltype(lanes) L;
            typedef typename L::template Of<V> LV;
            typedef typename L::template Of<T> LT;
            const typename LT::Numbers own = LT::load(x, row * batch + n);
            typename LV::Numbers sum = LV::all(0);
            above.for_each(pixel.h, pixel.w, [&](int, int p) {
                const I start = output.start(pixel.c, 0, 0) + p * batch + n;
                const typename LT::Numbers best = LT::load(y, start);
                auto wins = is_best(own, best);
                if (L::COUNT == 1 && !may_hold(wins)) return;
                const Pixel<I> place = {pixel.c, p / window.output_w, p % window.output_w};
                for_pixels_under<I>(window, input, place, [&](I earlier) {
                    if (earlier == row * batch) return false;
                    wins &= negated(is_best(LT::load(x, earlier + n), best));
                    return true;
                });
                sum += select(wins, LV::load(values, start), LV::all(0));
            });
            LV::store(result, row * batch + n, sum);
        });
    });
}

// One lane for each place of the window.
template <typename V, typename T, typename I>
__global__ void winner_gather(
    array<const V> values, array<const T> x, array<const T> y, array<V> result,
    Window window, I channels, I batch) {
    const Images<I> input = window.input(batch), output = window.output(batch);
    for_each_row<RowLanesOf<T, V>>(output.rows(channels), batch, [&](I row, auto for_each_image) {
        const Pixel<I> place = output.pixel(row);
        for_each_image([&](auto lanes, I n) {
            typedef decltype(lanes) L;
            typedef typename L::template Of<V> LV;
            typedef typename L::template Of<T> LT;
            const typename LT::Numbers best = LT::load(y, row * batch + n);
            auto searching = (best == best) | (best != best);  // everywhere
            typename LV::Numbers picked = LV::all(0);  // stays for a y that is not the pooled x
            for_pixels_under<I>(window, input, place, [&](I pixel) {
                const auto wins = searching & is_best(LT::load(x, pixel + n), best);
                picked = select(wins, LV::load(values, pixel + n), picked);
                searching &= negated(wins);
                return L::COUNT > 1 || may_hold(searching);
            });
            LV::store(result, row * batch + n, picked);
        });
    });
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

// One lane for each place of the window.
template <typename T, typename I>
__global__ void avg_pool(
    array<const T> x, array<const T> divisor, array<T> y, Window window, I channels, I batch) {
    const Images<I> input = window.input(batch), output = window.output(batch);
    for_each_row<RowLanes<T>>(output.rows(channels), batch, [&](I row, auto for_each_image) {
        const Pixel<I> place = output.pixel(row);
        const T count = divisor[I(place.h) * window.output_w + place.w];
        for_each_image([&](auto lanes, I n) {
            typedef decltype(lanes) L;
            typename L::Numbers sum = L::all(0);
            for_pixels_under<I>(window, input, place, [&](I pixel) {
                sum += L::load(x, pixel + n);
                return true;
            });
            L::store(y, row * batch + n, sum / L::all(count));
        });
    });
}

// One lane for each pixel, which gathers its shares of the windows above it: no atomics.
template <typename T, typename I>
__global__ void avg_pool_adjoint(
    array<const T> y, array<const T> divisor, array<T> x, array<const int> above_rows,
    array<const int> above_columns, array<const int> above_taps, array<const int> above_starts,
    Window window, I kinds, I channels, I batch) {
    const PlacesAbove above = {above_rows, above_columns, above_taps, above_starts, int(kinds)};
    const Images<I> input = window.input(batch), output = window.output(batch);
    for_each_row<RowLanes<T>>(input.rows(channels), batch, [&](I row, auto for_each_image) {
        const Pixel<I> pixel = input.pixel(row);
        for_each_image([&](auto lanes, I n) {
            typedef decltype(lanes) L;
            typename L::Numbers sum = L::all(0);
            above.for_each(pixel.h, pixel.w, [&](int, int place) {
                sum += L::load(y, output.start(pixel.c, 0, 0) + place * batch + n)
                    / L::all(divisor[place]);
            });
            L::store(x, row * batch + n, sum);
        });
    });
}
