// Max unpooling and its adjoint. A position is ih * W + iw, within one map.
//
//   unpool          x[c, position[c, place, n], n] = values[c, place, n], 0 elsewhere
//   unpool_adjoint  values[c, place, n] = x[c, position[c, place, n], n]
//
// values, positions (C, places, N), x (C, pixels, N)
#include "common.cuh"

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
