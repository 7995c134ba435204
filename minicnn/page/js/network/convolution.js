/** Convolution as one product: every window becomes a row of numbers, each kernel is another one. */

import { zeros } from './values.js';
import { placesOnPixels } from './windows.js';

/** y[o, i, j] = bias[o] + sum over c, kh, kw of weight[o, c, kh, kw] · x[c, row, column] */
export function convolve(layer, x) {
  const { window, groups, weight, bias } = layer;
  const [outputs, inputs] = weight.shape;
  const y = zeros([outputs, ...window.output]);
  const places = window.output[0] * window.output[1];
  const perGroup = outputs / groups;
  for (let group = 0; group < groups; group += 1) {
    const patches = gatherPatches(window, x, group * inputs, inputs);
    const firstKernel = group * perGroup;
    multiply(weight.data, firstKernel, perGroup, patches, places, bias?.data, y.data);
  }
  return y;
}

/** y[o] = bias[o] + sum over k of weight[o, k] · x[k] */
export function dense(layer, x) {
  const [outputs] = layer.weight.shape;
  const y = zeros([outputs]);
  multiply(layer.weight.data, 0, outputs, x.data, 1, layer.bias?.data, y.data);
  return y;
}

/** The numbers under each place of the window, [places, inputs · KH · KW], zeros in the padding. */
export function gatherPatches(window, x, firstChannel, inputs) {
  const [, height, width] = x.shape;
  const { kernel, stride, dilation, padding, output } = window;
  const taps = kernel[0] * kernel[1];
  const length = inputs * taps;
  const patches = new Float32Array(output[0] * output[1] * length);
  for (let tap = 0; tap < taps; tap += 1) {
    const top = Math.floor(tap / kernel[1]) * dilation[0] - padding[0][0];
    const left = (tap % kernel[1]) * dilation[1] - padding[1][0];
    const [firstRow, rows] = placesOnPixels(top, stride[0], output[0], height);
    const [firstColumn, columns] = placesOnPixels(left, stride[1], output[1], width);
    for (let c = 0; c < inputs; c += 1) {
      const map = (firstChannel + c) * height * width;
      for (let i = firstRow; i < rows; i += 1) {
        let from = map + (i * stride[0] + top) * width + firstColumn * stride[1] + left;
        let to = (i * output[1] + firstColumn) * length + c * taps + tap;
        for (let j = firstColumn; j < columns; j += 1) {
          patches[to] = x.data[from];
          to += length;
          from += stride[1];
        }
      }
    }
  }
  return patches;
}

/**
 * y[o, p] = bias[o] + sum over k of kernels[o, k] · patches[p, k], for `count` kernels from `first`.
 *
 * In blocks of two kernels and four patches, since each number that is read then serves several
 * products, which is what takes the time.
 */
function multiply(kernels, first, count, patches, places, bias, y) {
  const length = patches.length / places;
  const lastPair = first + count - (count % 2);
  const lastFour = places - (places % 4);
  for (let o = first; o < lastPair; o += 2) {
    for (let p = 0; p < lastFour; p += 4) {
      multiplyBlock(kernels, o * length, patches, p * length, length, y, o * places + p, places);
    }
  }
  for (let o = first; o < first + count; o += 1) {
    const done = o < lastPair ? lastFour : 0;
    for (let p = done; p < places; p += 1) {
      let sum = 0;
      for (let k = 0; k < length; k += 1) sum += kernels[o * length + k] * patches[p * length + k];
      y[o * places + p] = sum;
    }
    if (bias) for (let p = 0; p < places; p += 1) y[o * places + p] += bias[o];
  }
}

/** The products of the kernels that start at w and w + length with the four patches from x. */
function multiplyBlock(kernels, w, patches, x, length, y, to, places) {
  let [a0, a1, a2, a3, b0, b1, b2, b3] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let k = 0; k < length; k += 1) {
    const a = kernels[w + k];
    const b = kernels[w + length + k];
    const x0 = patches[x + k];
    const x1 = patches[x + length + k];
    const x2 = patches[x + 2 * length + k];
    const x3 = patches[x + 3 * length + k];
    a0 += a * x0;
    a1 += a * x1;
    a2 += a * x2;
    a3 += a * x3;
    b0 += b * x0;
    b1 += b * x1;
    b2 += b * x2;
    b3 += b * x3;
  }
  y.set([a0, a1, a2, a3], to);
  y.set([b0, b1, b2, b3], to + places);
}
