// Softmax and its logarithm over the middle axis, and the scores of given classes.
//
//   softmax       y_c = e^(x_c - m) / sum of e^(x_k - m), m the largest x_k: nothing overflows
//   log_softmax   y_c = x_c - m - log(sum of e^(x_k - m))
//   cross_entropy loss = -log_softmax(scores)[class], with its gradient to the scores
//   is_largest    y = (class is where the largest score is)
//   gather_class  y = scores[class];  scatter_class  scores[class] = y, 0 elsewhere
//
// x, y (before, L, after), scores (C, places), classes (places)
#include "common.cuh"

// The largest number of a row, or NaN; its numbers are `step` apart.
template <typename T, typename I>
__device__ T largest_of_row(array<const T> x, I start, I length, I step) {
    T largest = x[start];
    for (I k = 1; k < length; ++k) {
        const T value = x[start + k * step];
        if (value > largest || value != value) largest = value;
    }
    return largest;
}

// The largest number of a row and the sum of e^(x - largest).
template <typename T, typename I>
__device__ void row_sums(array<const T> x, I start, I length, I step, T& largest, T& sum) {
    largest = largest_of_row<T, I>(x, start, length, step), sum = 0;
    for (I k = 0; k < length; ++k) sum += exp(x[start + k * step] - largest);
}

// One thread for each row.
template <typename T, typename I>
__global__ void softmax(array<const T> x, array<T> y, I before, I length, I after) {
    FOR_EACH(row, before * after) {
        const I start = row / after * length * after + row % after;
        const T largest = largest_of_row<T, I>(x, start, length, after);
        T sum = 0;
        for (I k = 0; k < length; ++k) {
            const I i = start + k * after;
            sum += y[i] = exp(x[i] - largest);
        }
        for (I k = 0; k < length; ++k) y[start + k * after] /= sum;
    }
}

// One thread for each row.
template <typename T, typename I>
__global__ void log_softmax(array<const T> x, array<T> y, I before, I length, I after) {
    FOR_EACH(row, before * after) {
        const I start = row / after * length * after + row % after;
        T largest, sum;
        row_sums<T, I>(x, start, length, after, largest, sum);
        const T log_sum = log(sum);
        for (I k = 0; k < length; ++k) {
            const I i = start + k * after;
            y[i] = (x[i] - largest) - log_sum;
        }
    }
}

// One thread for each place.
template <typename T, typename I>
__global__ void cross_entropy(
    array<const T> scores, array<const long long> classes, array<T> losses, I num_classes,
    I places) {
    FOR_EACH(i, places) {
        T largest, sum;
        row_sums<T, I>(scores, i, num_classes, places, largest, sum);
        losses[i] = log(sum) - (scores[I(classes[i]) * places + i] - largest);
    }
}

// One thread for each place; step is 0 if all places share one gradient.
template <typename T, typename I>
__global__ void cross_entropy_grad(
    array<const T> scores, array<const T> grad, array<const long long> classes, array<T> result,
    I num_classes, I places, I step) {
    FOR_EACH(i, places) {
        T largest, sum;
        row_sums<T, I>(scores, i, num_classes, places, largest, sum);
        for (I c = 0; c < num_classes; ++c) {
            const T share = exp(scores[c * places + i] - largest) / sum;
            result[c * places + i] = grad[step * i] * (share - T(c == classes[i]));
        }
    }
}

// One thread for each place: is the largest score, the first of equal ones, that of the class?
template <typename T, typename I>
__global__ void is_largest(
    array<const T> scores, array<const long long> classes, array<bool> y, I num_classes,
    I places) {
    FOR_EACH(i, places) {
        I largest = 0;
        T most = scores[i];
        for (I c = 1; c < num_classes && most == most; ++c) {  // NaN is larger than every number
            const T score = scores[c * places + i];
            if (score > most || score != score) most = score, largest = c;
        }
        y[i] = largest == classes[i];
    }
}

// One thread for each place.
template <typename T, typename I>
__global__ void gather_class(array<const T> scores, array<const long long> classes, array<T> y, I places) {
    FOR_EACH(i, places) y[i] = scores[I(classes[i]) * places + i];
}

// One thread for each score.
template <typename T, typename I>
__global__ void scatter_class(
    array<const T> values, array<const long long> classes, array<T> scores, I num_classes,
    I places) {
    FOR_EACH(i, num_classes * places) {
        const I place = i % places;
        scores[i] = classes[place] == i / places ? values[place] : T(0);
    }
}
