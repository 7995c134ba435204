// The steps of the optimizers, each in one pass over the parameters p and their gradients g.
//
// The formulas are those of minicnn/optim; a state array whose has_... is 0 is not touched.
// All arrays (elements,); one thread for each element.
#include "common.cuh"

template <typename T, typename I>
__global__ void sgd(
    array<T> p, array<const T> g, array<T> buffer, T lr, T momentum, T weight_decay, I nesterov,
    I has_buffer, I elements) {
    FOR_EACH(i, elements) {
        T direction = g[i] + weight_decay * p[i];
        if (has_buffer) {
            buffer[i] = momentum * buffer[i] + direction;
            direction = nesterov ? direction + momentum * buffer[i] : buffer[i];
        }
        p[i] -= lr * direction;
    }
}

// p = shrink * p - step_size * m / (sqrt(v) / root + eps)
template <typename T, typename I>
__global__ void adam(
    array<T> p, array<const T> g, array<T> m, array<T> v, T step_size, T beta1, T rest1, T beta2,
    T rest2, T root, T eps, T weight_decay, T shrink, I elements) {
    FOR_EACH(i, elements) {
        const T before = shrink * p[i];
        const T direction = g[i] + weight_decay * before;
        m[i] = beta1 * m[i] + rest1 * direction;
        v[i] = beta2 * v[i] + rest2 * (direction * direction);
        p[i] = before - step_size * m[i] / (sqrt(v[i]) / root + eps);
    }
}

template <typename T, typename I>
__global__ void adagrad(
    array<T> p, array<const T> g, array<T> total, T lr, T eps, T weight_decay, I elements) {
    FOR_EACH(i, elements) {
        const T direction = g[i] + weight_decay * p[i];
        total[i] += direction * direction;
        p[i] -= lr * direction / (sqrt(total[i]) + eps);
    }
}

template <typename T, typename I>
__global__ void rmsprop(
    array<T> p, array<const T> g, array<T> v, array<T> m, array<T> buffer, T lr, T alpha, T rest,
    T eps, T weight_decay, T momentum, I has_mean, I has_buffer, I elements) {
    FOR_EACH(i, elements) {
        T direction = g[i] + weight_decay * p[i];
        v[i] = alpha * v[i] + rest * (direction * direction);
        T variance = v[i];
        if (has_mean) {
            m[i] = alpha * m[i] + rest * direction;
            variance -= m[i] * m[i];
            if (variance < 0) variance = 0;  // by rounding
        }
        direction /= sqrt(variance) + eps;
        if (has_buffer) direction = buffer[i] = momentum * buffer[i] + direction;
        p[i] -= lr * direction;
    }
}

template <typename T, typename I>
__global__ void adadelta(
    array<T> p, array<const T> g, array<T> v, array<T> u, T lr, T rho, T rest, T eps,
    T weight_decay, I elements) {
    FOR_EACH(i, elements) {
        const T direction = g[i] + weight_decay * p[i];
        v[i] = rho * v[i] + rest * (direction * direction);
        const T delta = sqrt(u[i] + eps) / sqrt(v[i] + eps) * direction;
        u[i] = rho * u[i] + rest * (delta * delta);
        p[i] -= lr * delta;
    }
}
