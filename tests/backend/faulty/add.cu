#include "common.cuh"

template <typename T, typename I>
__global__ void add(array<T> y, I elements) {
    FOR_EACH(i, elements) y[i] += T(1);
}
