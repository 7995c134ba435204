#include "common.cuh"

struct Pair { float a; double b; };
__device__ double read_at(const double* row, int k) { return row[k]; }
template <typename T, typename I>
__global__ void tiles(array<T> y, I missing) {
    __shared__ double tile[THREADS / 16][16], factor;
    __shared__ Pair pairs[2];
    const unsigned me = threadIdx.x;
    const I i = blockIdx.x * blockDim.x + me;
    if (I(me) != missing) tile[me / 16][me % 16] = me;
    if (me == 0 && missing != 256) factor = 2;
    if (me < 2) pairs[me].a = me;
    if (me < 2 && missing != 257) pairs[me].b = me;
    __syncthreads();
    y[i] = T(read_at(tile[0], me) * factor + pairs[me % 2].a + pairs[me % 2].b);
}
