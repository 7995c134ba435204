// Maps of single elements, in whatever order they lie in memory. One thread for each element.
#include "common.cuh"

// y = x where mask, 0 elsewhere (not x * mask: 0 * inf is NaN).
template <typename T, typename I>
__global__ void keep(array<const T> x, array<const bool> mask, array<T> y, I elements) {
    FOR_EACH(i, elements) y[i] = mask[i] ? x[i] : T(0);
}

// y = max(x, 0), NaN where x is NaN.
template <typename T, typename I>
__global__ void relu(array<const T> x, array<T> y, I elements) {
    FOR_EACH(i, elements) y[i] = x[i] < 0 ? T(0) : x[i];
}

// result = x where y != 0, 0 elsewhere: the gradient of ReLU, whose result y is never negative.
template <typename T, typename I>
__global__ void relu_grad(array<const T> x, array<const T> y, array<T> result, I elements) {
    FOR_EACH(i, elements) result[i] = y[i] != 0 ? x[i] : T(0);
}

// out = the elements of the pieces, one piece after the other: each thread takes its share of each.
template <typename T, typename I>
__global__ void join(array<T> out, Pieces<T> pieces, I count) {
    I start = 0;
    for (I k = 0; k < count; ++k) {
        const I end = I(pieces.end[k]);
        FOR_EACH(i, end - start) out[start + i] = pieces.at[k][i];
        start = end;
    }
}

// The error function, 2 / sqrt(pi) * (integral of e^(-t^2) from 0 to x).
template <typename T, typename I>
__global__ void erf_of(array<const T> x, array<T> y, I elements) {
    FOR_EACH(i, elements) y[i] = erf(x[i]);
}

// 1 / (1 + e^-x) = e^min(x, 0) / (1 + e^-|x|): no power is above 1, so that nothing overflows.
template <typename T, typename I>
__global__ void sigmoid(array<const T> x, array<T> y, I elements) {
    FOR_EACH(i, elements) {
        const T power = exp(x[i] < 0 ? x[i] : -x[i]);
        y[i] = (x[i] < 0 ? power : T(1)) / (1 + power);
    }
}

// The probability that a standard normal number is below x.
template <typename T>
__device__ T normal_cdf(T x) { return T(0.5) + T(0.5) * erf(x * T(0.70710678118654752)); }

// Beyond 40 the slope of gelu is 0 or 1; a larger x squared could overflow. NaN stays NaN.
template <typename T>
__device__ T within_40(T x) { return x < -40 ? T(-40) : x > 40 ? T(40) : x; }

// x * (the probability of a normal number below x).
template <typename T, typename I>
__global__ void gelu(array<const T> x, array<T> y, I elements) {
    FOR_EACH(i, elements) y[i] = (x[i] < -40 ? T(-40) : x[i]) * normal_cdf(x[i]);
}

// grad * (normal_cdf(x) + x * density(x)), density(x) = e^(-x^2 / 2) / sqrt(2 * pi).
template <typename T, typename I>
__global__ void gelu_grad(array<const T> x, array<const T> grad, array<T> result, I elements) {
    FOR_EACH(i, elements) {
        const T a = within_40(x[i]);
        const T density = T(0.3989422804014327) * exp(T(-0.5) * (a * a));
        result[i] = grad[i] * (normal_cdf(a) + a * density);
    }
}
