// Maps of single elements, in whatever order they lie in memory. One thread for each element.
#include "common.cuh"

// y = x where kept, 0 elsewhere (not x * kept: 0 * inf is NaN).
template <typename T, typename I>
__global__ void mask(array<const T> x, array<const bool> kept, array<T> y, I elements) {
    FOR_EACH(i, elements) y[i] = kept[i] ? x[i] : T(0);
}

// The error function, 2 / sqrt(pi) * (integral of e^(-t^2) from 0 to x).
template <typename T, typename I>
__global__ void erf_of(array<const T> x, array<T> y, I elements) {
    FOR_EACH(i, elements) y[i] = erf(x[i]);
}
