// Standardisation of lines: batch norm (a line is a channel) and layer norm (a line is a sample).
//
//   x, y, grad, result (B, L, A): line (b, a) is x[b, :, a], and lines = B·A
//   statistics (3, lines) of double: mean, variance and scale = 1 / sqrt(variance + eps)
//   weight, bias: one number for each b (per_line = 1) or for each place in a line (per_line = 0)
//
// A block has `width` lines next to each other, and THREADS / width threads for each: neighbouring
// threads read neighbouring memory, whether the lines lie next to each other (layer norm: A is the
// batch) or one after the other (batch norm: A = 1). Long lines are cut into pieces, one for each
// block; a second kernel brings the results of the pieces together.
//
// On a GPU a thread adds up few numbers, in T, and what the threads of a block have found is merged
// in double. On a CPU one thread takes the place of the block, and adds up many numbers, in double.
#include "common.cuh"

#ifdef MINICNN_NATIVE
template <typename T>
using Sum = double;
#else
template <typename T>
using Sum = T;
#endif

// What a thread does: the places l, l + step, l + 2·step, ... of line (b, a). `piece` is that of
// the block. In blocks at the edge some threads have no line.
template <typename I>
struct Share {
    I b, a, length, after, piece, l, step;
    bool has_line;

    __device__ Share(I block, I length, I after, I width, I pieces) : length(length), after(after) {
        const I depth = I(THREADS) / width, groups = (after + width - 1) / width;
        piece = block % pieces;
        b = block / pieces / groups;
        a = block / pieces % groups * width + I(threadIdx.x) % width;
        l = piece * depth + I(threadIdx.x) / width;
        step = pieces * depth;
        has_line = a < after;
        if (!has_line) l = length;
    }
    __device__ I line() const { return b * after + a; }
    __device__ I index(I place) const { return (b * length + place) * after + a; }
    __device__ bool writes(I width) const { return has_line && I(threadIdx.x) < width; }
};

#define FOR_EACH_BLOCK(block, blocks) for (I block = blockIdx.x; block < I(blocks); block += gridDim.x)

// The mean and the scale of a line in T. Far from 0 T rounds the mean too coarsely: it is kept as a
// sum of two numbers. Where numbers lie 1e12 apart or more (shrink = 2^-64, else 1) all are made
// smaller: a difference of the largest would be infinite, and their scale is hardly above 0.
template <typename T>
struct Standard {
    T shrink, centre, rest, scale;

    __device__ Standard(double mean, double scale_of_line)
        : shrink(1), centre(T(mean)), rest(T(mean - double(centre))), scale(T(scale_of_line)) {
        if (scale_of_line < 0x1p-40) {
            shrink = T(0x1p-64), scale = T(scale_of_line * 0x1p64);
            centre *= shrink, rest *= shrink;
        }
    }
    __device__ T operator()(T x) const { return ((x * shrink - centre) - rest) * scale; }
};

template <typename T, typename I>
__device__ Standard<T> standard_of(array<const double> statistics, I line, I lines) {
    return Standard<T>(statistics[line], statistics[2 * lines + line]);
}

// Count, mean and sum of squared deviations of some numbers.
struct Moments {
    double count, mean, squares;

    // Those of both sets of numbers. Source: Chan, Golub and LeVeque, 1979.
    __device__ void merge(const Moments& other) {
        if (other.count == 0) return;
        const double total = count + other.count, difference = other.mean - mean;
        mean += difference * (other.count / total);
        squares += other.squares + difference * difference * (count * (other.count / total));
        count = total;
    }
};

// Those of a thread's share, added up in S. It takes its numbers relative to the first of them. That
// one is a number of the line itself, so that its distance to the mean cannot be large compared with
// the deviations.
template <typename S, typename T, typename I>
__device__ Moments moments_of(array<const T> x, const Share<I>& share) {
    const T first = x[share.index(share.l)];
    S sum = 0, sum_of_squares = 0;
    I count = 0;
    for (I l = share.l; l < share.length; l += share.step, ++count) {
        const S difference = S(x[share.index(l)]) - S(first);
        sum += difference;
        sum_of_squares += difference * difference;
    }
    const double mean = double(sum) / double(count);
    const double squares = double(sum_of_squares) - double(sum) * mean;
    return {double(count), double(first) + mean, squares < 0 ? 0 : squares};  // below 0 by rounding
}

// pieces_of (3, pieces, lines): the moments of each piece of each line.
template <typename T, typename I>
__global__ void line_moments(
    array<const T> x, array<double> pieces_of, I before, I length, I after, I width, I pieces) {
    __shared__ double counts[THREADS], means[THREADS], squares[THREADS];
    const unsigned me = threadIdx.x;
    const I lines = before * after, groups = (after + width - 1) / width;
    FOR_EACH_BLOCK(block, before * groups * pieces) {
        const Share<I> share(block, length, after, width, pieces);
        Moments found = {0, 0, 0};
        if (share.l < length) {
            found = moments_of<Sum<T>, T, I>(x, share);
            // Squares of float32 are infinite above 1e19.
            if (!(found.squares < 1e300)) found = moments_of<double, T, I>(x, share);
        }
        __syncthreads();  // the last round has been read
        counts[me] = found.count, means[me] = found.mean, squares[me] = found.squares;
        __syncthreads();
        for (unsigned half = THREADS / 2; half >= unsigned(width); half /= 2) {
            if (me < half) {
                Moments mine = {counts[me], means[me], squares[me]};
                mine.merge({counts[me + half], means[me + half], squares[me + half]});
                counts[me] = mine.count, means[me] = mine.mean, squares[me] = mine.squares;
            }
            __syncthreads();
        }
        if (share.writes(width)) {
            const I i = share.piece * lines + share.line(), all = pieces * lines;
            pieces_of[i] = counts[me];
            pieces_of[all + i] = means[me];
            pieces_of[2 * all + i] = squares[me];
        }
    }
}

// One thread for each line. T is double, whatever the type of x.
template <typename T, typename I>
__global__ void line_statistics(
    array<const T> pieces_of, array<T> statistics, T eps, I lines, I pieces) {
    FOR_EACH(line, lines) {
        Moments found = {0, 0, 0};
        const I all = pieces * lines;
        for (I i = line; i < all; i += lines)
            found.merge({pieces_of[i], pieces_of[all + i], pieces_of[2 * all + i]});
        const T variance = T(found.squares / found.count);
        statistics[line] = T(found.mean);
        statistics[lines + line] = variance;
        statistics[2 * lines + line] = 1 / sqrt(variance + eps);
    }
}

// mean, var (C,) -> statistics (3, C). One thread for each channel.
template <typename T, typename I>
__global__ void known_statistics(
    array<const T> mean, array<const T> var, array<double> statistics, double eps, I channels) {
    FOR_EACH(c, channels) {
        statistics[c] = mean[c];
        statistics[channels + c] = var[c];
        statistics[2 * channels + c] = 1 / sqrt(double(var[c]) + eps);
    }
}

// One block, so that every thread has read the number of batches before it is changed.
template <typename T, typename I>
__global__ void update_running(
    array<T> mean, array<T> var, array<long long> batches, array<const double> statistics,
    double momentum, I is_mean_of_all, double correction, I channels) {
    const long long count = batches[0] + 1;
    const double rate = is_mean_of_all ? 1 / double(count) : momentum;
    __syncthreads();
    if (threadIdx.x == 0) batches[0] = count;
    FOR_EACH(c, channels) {
        mean[c] = T((1 - rate) * mean[c] + rate * statistics[c]);
        var[c] = T((1 - rate) * var[c] + rate * correction * statistics[channels + c]);
    }
}

// A weight or a bias has `is_there` = 0 where there is none; the array is then not read.
template <typename T, typename I>
__global__ void standardise(
    array<const T> x, array<const double> statistics, array<const T> weight, array<const T> bias,
    array<T> y, I has_weight, I has_bias, I per_line, I before, I length, I after, I width,
    I pieces) {
    const I groups = (after + width - 1) / width;
    FOR_EACH_BLOCK(block, before * groups * pieces) {
        const Share<I> share(block, length, after, width, pieces);
        if (share.l >= length) continue;
        const Standard<T> standard = standard_of<T, I>(statistics, share.line(), before * after);
        for (I l = share.l; l < length; l += share.step) {
            const I i = share.index(l), k = per_line ? share.b : l;
            const T scaled = has_weight ? standard(x[i]) * weight[k] : standard(x[i]);
            y[i] = has_bias ? scaled + bias[k] : scaled;
        }
    }
}

// Add up what the threads of a block have in two arrays, for each of `width` lines: the sums are
// then those of the first `width` threads.
__device__ inline void add_up(double* sums, double* products, double sum, double product, unsigned width) {
    const unsigned me = threadIdx.x;
    __syncthreads();  // the last round has been read
    sums[me] = sum, products[me] = product;
    __syncthreads();
    for (unsigned half = THREADS / 2; half >= width; half /= 2) {
        if (me < half) sums[me] += sums[me + half], products[me] += products[me + half];
        __syncthreads();
    }
}

// totals (2, pieces, lines): the sums of g = grad · weight and of g · x_hat.
template <typename T, typename I>
__global__ void line_sums(
    array<const T> grad, array<const T> x, array<const double> statistics, array<const T> weight,
    array<T> totals, I has_weight, I per_line, I before, I length, I after, I width, I pieces) {
    __shared__ double sums[THREADS], products[THREADS];
    const I lines = before * after, groups = (after + width - 1) / width;
    FOR_EACH_BLOCK(block, before * groups * pieces) {
        const Share<I> share(block, length, after, width, pieces);
        Sum<T> sum = 0, product = 0;
        if (share.l < length) {
            const Standard<T> standard = standard_of<T, I>(statistics, share.line(), lines);
            for (I l = share.l; l < length; l += share.step) {
                const I i = share.index(l);
                const T g = has_weight ? grad[i] * weight[per_line ? share.b : l] : grad[i];
                sum += g;
                product += g * standard(x[i]);
            }
        }
        add_up(sums, products, sum, product, width);
        if (share.writes(width)) {
            const I i = share.piece * lines + share.line();
            totals[i] = T(sums[threadIdx.x]);
            totals[pieces * lines + i] = T(products[threadIdx.x]);
        }
    }
}

// totals (2, pieces, L): the sums of grad and of grad · x_hat at each place, over pieces of the
// lines. Here a block has `width` places, and its threads share the lines.
template <typename T, typename I>
__global__ void sums_across_lines(
    array<const T> grad, array<const T> x, array<const double> statistics, array<T> totals,
    I before, I length, I after, I width, I pieces) {
    __shared__ double sums[THREADS], products[THREADS];
    const I lines = before * after, groups = (length + width - 1) / width;
    FOR_EACH_BLOCK(block, groups * pieces) {
        const Share<I> share(block, lines, length, width, pieces);
        Sum<T> sum = 0, product = 0;
        for (I line = share.l; line < lines; line += share.step) {
            const I i = (line / after * length + share.a) * after + line % after;
            sum += grad[i];
            product += grad[i] * standard_of<T, I>(statistics, line, lines)(x[i]);
        }
        add_up(sums, products, sum, product, width);
        if (share.writes(width)) {
            const I i = share.piece * length + share.a;
            totals[i] = T(sums[threadIdx.x]);
            totals[pieces * length + i] = T(products[threadIdx.x]);
        }
    }
}

// totals (2, pieces, count) -> sums (2, count). One thread for each sum.
template <typename T, typename I>
__global__ void sum_pieces(array<const T> totals, array<T> sums, I count, I pieces) {
    FOR_EACH(i, 2 * count) {
        double sum = 0;
        for (I piece = 0; piece < pieces; ++piece)
            sum += totals[(i / count * pieces + piece) * count + i % count];
        sums[i] = T(sum);
    }
}

// sums (2, lines) -> result: scale · (g - sums[0] / L - x_hat · sums[1] / L), g = grad · weight
template <typename T, typename I>
__global__ void standardise_grad(
    array<const T> grad, array<const T> x, array<const double> statistics, array<const T> weight,
    array<const T> sums, array<T> result, I has_weight, I per_line, I before, I length, I after,
    I width, I pieces) {
    const I lines = before * after, groups = (after + width - 1) / width;
    FOR_EACH_BLOCK(block, before * groups * pieces) {
        const Share<I> share(block, length, after, width, pieces);
        if (share.l >= length) continue;
        const I line = share.line();
        const Standard<T> standard = standard_of<T, I>(statistics, line, lines);
        const T scale = standard.scale * standard.shrink;
        const T sum = sums[line] / T(length), product = sums[lines + line] / T(length);
        for (I l = share.l; l < length; l += share.step) {
            const I i = share.index(l);
            const T g = has_weight ? grad[i] * weight[per_line ? share.b : l] : grad[i];
            result[i] = scale * (g - sum - standard(x[i]) * product);
        }
    }
}
