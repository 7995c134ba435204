#include "common.cuh"

template <typename T, typename I>
__global__ void copy(array<const T> x, array<T> y, I elements) {
    FOR_EACH(i, elements) y[i] = x[i];
}
