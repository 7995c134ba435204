/**
 * Gradients: how the loss changes with each weight and each number, from the last layer to the first.
 *
 * Layers and values are those of layers.js. A gradient is a Float64Array with one number for each
 * number of what it belongs to.
 */

import { gatherPatches } from './convolution.js';
import { divisorOf, placesOnPixels, visitWindow } from './windows.js';

/** Gradients of all weights, zeros: for each layer {weight, bias}, as far as it has them. */
export function makeGradients(layers) {
  return layers.map((layer) =>
    Object.fromEntries(
      ['weight', 'bias']
        .filter((name) => layer[name])
        .map((name) => [name, new Float64Array(layer[name].data.length)]),
    ),
  );
}

/**
 * The gradient of the image, for `grad`, that of the last output. outputs: what runLayers returned.
 * Those of the weights are added to `sums`, as minicnn and PyTorch add to .grad.
 */
export function backward(layers, outputs, grad, sums) {
  return layers.reduceRight(
    (after, layer, n) => BACKWARD[layer.kind](layer, outputs[n], outputs[n + 1], after, sums[n]),
    grad,
  );
}

/** The loss -log p[label] for the probabilities p = softmax(scores), and its gradient p - [label]. */
export function crossEntropy(scores, label) {
  const highest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const grad = Float64Array.from(scores, (score) => Math.exp(score - highest));
  const total = grad.reduce((a, b) => a + b, 0);
  grad.forEach((power, k) => {
    grad[k] = power / total - (k === label ? 1 : 0);
  });
  return { loss: Math.log(total) - (scores[label] - highest), grad };
}

/** For the patches of x [P, K]: grad_weight[o] = Σp grad[o, p] · patch[p], and back onto x. */
function convolveBackward({ window, weight }, x, y, grad, sums) {
  const [outputs, inputs] = weight.shape;
  const patches = gatherPatches(window, x, 0, inputs);
  const places = window.output[0] * window.output[1];
  const gradPatches = new Float64Array(patches.length);
  multiplyBackward(weight.data, outputs, patches, places, grad, sums, gradPatches);
  return scatterPatches(window, gradPatches, x.shape);
}

function denseBackward({ weight }, x, y, grad, sums) {
  const gradX = new Float64Array(x.data.length);
  multiplyBackward(weight.data, weight.shape[0], x.data, 1, grad, sums, gradX);
  return gradX;
}

/** Backward of y[o, p] = bias[o] + Σk kernels[o, k] · patches[p, k]: adds to sums and gradPatches. */
function multiplyBackward(kernels, outputs, patches, places, grad, sums, gradPatches) {
  const length = patches.length / places;
  const { weight, bias } = sums;
  for (let o = 0; o < outputs; o += 1) {
    const row = o * length;
    for (let p = 0; p < places; p += 1) {
      const g = grad[o * places + p];
      if (g === 0) continue; // most are, after a maximum and a ReLU
      const patch = p * length;
      if (bias) bias[o] += g;
      for (let k = 0; k < length; k += 1) {
        weight[row + k] += g * patches[patch + k];
        gradPatches[patch + k] += g * kernels[row + k];
      }
    }
  }
}

/** The reverse of gatherPatches: each number of a patch is added to the pixel that it came from. */
function scatterPatches({ kernel, stride, dilation, padding, output }, patches, shape) {
  const [channels, height, width] = shape;
  const taps = kernel[0] * kernel[1];
  const length = channels * taps;
  const gradX = new Float64Array(channels * height * width);
  for (let tap = 0; tap < taps; tap += 1) {
    const top = Math.floor(tap / kernel[1]) * dilation[0] - padding[0][0];
    const left = (tap % kernel[1]) * dilation[1] - padding[1][0];
    const [firstRow, rows] = placesOnPixels(top, stride[0], output[0], height);
    const [firstColumn, columns] = placesOnPixels(left, stride[1], output[1], width);
    for (let c = 0; c < channels; c += 1) {
      for (let i = firstRow; i < rows; i += 1) {
        const row = (c * height + i * stride[0] + top) * width + left;
        const place = i * output[1] * length + c * taps + tap;
        for (let j = firstColumn; j < columns; j += 1) {
          gradX[row + j * stride[1]] += patches[place + j * length];
        }
      }
    }
  }
  return gradX;
}

/** grad_x of a pooling: share(at, i, j) returns, for each window, the gradient of a pixel by its value. */
function poolBackward({ window }, x, share) {
  const [channels, height, width] = x.shape;
  const gradX = new Float64Array(x.data.length);
  let at = 0;
  for (let c = 0; c < channels; c += 1) {
    for (let i = 0; i < window.output[0]; i += 1) {
      for (let j = 0; j < window.output[1]; j += 1) {
        const give = share(at, i, j);
        visitWindow(window, height, width, i, j, (row, column, kh, kw, inside) => {
          if (!inside) return;
          const pixel = (c * height + row) * width + column;
          gradX[pixel] += give(x.data[pixel]);
        });
        at += 1;
      }
    }
  }
  return gradX;
}

/** The whole gradient of a window goes to its winner, on ties the first in row order. */
function extremeBackward(layer, x, y, grad) {
  return poolBackward(layer, x, (at) => {
    let isGiven = false;
    return (value) => {
      if (isGiven || value !== y.data[at]) return 0;
      isGiven = true;
      return grad[at];
    };
  });
}

function averageBackward(layer, x, y, grad) {
  return poolBackward(layer, x, (at, i, j) => () => grad[at] / divisorOf(layer, i, j));
}

/** How the gradient of each kind's output becomes that of its input; sums: of its weights. */
const BACKWARD = {
  conv2d: convolveBackward, // with one group
  linear: denseBackward,
  max_pool2d: extremeBackward,
  min_pool2d: extremeBackward,
  avg_pool2d: averageBackward,
  relu: (layer, x, y, grad) => grad.map((g, at) => (x.data[at] > 0 ? g : 0)),
  sigmoid: (layer, x, y, grad) => grad.map((g, at) => g * y.data[at] * (1 - y.data[at])),
  tanh: (layer, x, y, grad) => grad.map((g, at) => g * (1 - y.data[at] ** 2)),
  flatten: (layer, x, y, grad) => grad,
};
