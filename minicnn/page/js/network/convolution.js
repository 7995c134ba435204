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
 * Four patches at a time share each number of a kernel, which is what makes this loop fast.
 */
function multiply(kernels, first, count, patches, places, bias, y) {
  const length = patches.length / places;
  for (let o = first; o < first + count; o += 1) {
    const start = bias ? bias[o] : 0;
    const row = o * length;
    let p = 0;
    for (; p + 4 <= places; p += 4) {
      let [a, b, c, d] = [start, start, start, start];
      let at = p * length;
      for (let k = 0; k < length; k += 1) {
        const w = kernels[row + k];
        a += w * patches[at];
        b += w * patches[at + length];
        c += w * patches[at + 2 * length];
        d += w * patches[at + 3 * length];
        at += 1;
      }
      y.set([a, b, c, d], o * places + p);
    }
    for (; p < places; p += 1) {
      let a = start;
      for (let k = 0; k < length; k += 1) a += kernels[row + k] * patches[p * length + k];
      y[o * places + p] = a;
    }
  }
}
