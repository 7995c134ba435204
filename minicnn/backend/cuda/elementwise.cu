// Maps of single elements, in whatever order they lie in memory. One thread for each element.
#include "common.cuh"

// y = x where mask, 0 elsewhere (not x * mask: 0 * inf is NaN).
template <typename T, typename I>
__global__ void keep(array<const T> x, array<const bool> mask, array<T> y, I elements) {
    FOR_EACH(i, elements) y[i] = mask[i] ? x[i] : T(0);
}

// result = x where y != 0, 0 elsewhere: the gradient of ReLU, whose result y is never negative.
template <typename T, typename I>
__global__ void relu_grad(array<const T> x, array<const T> y, array<T> result, I elements) {
    FOR_EACH(i, elements) result[i] = y[i] != 0 ? x[i] : T(0);
}

// out = the elements of the pieces, one piece after the other.
template <typename T, typename I>
__global__ void join(array<T> out, Pieces<T> pieces, I elements) {
    FOR_EACH(i, elements) {
        int k = 0;
        while (i >= pieces.end[k]) ++k;
        out[i] = pieces.at[k][i - (k == 0 ? 0 : pieces.end[k - 1])];
    }
}

// The error function, 2 / sqrt(pi) * (integral of e^(-t^2) from 0 to x).
template <typename T, typename I>
__global__ void erf_of(array<const T> x, array<T> y, I elements) {
    FOR_EACH(i, elements) y[i] = erf(x[i]);
}
