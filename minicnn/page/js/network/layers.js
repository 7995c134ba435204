/**
 * The output of each kind of layer for one image.
 *
 * A layer is what page/describe.py writes: its kind, its options, its weights; values are those of
 * values.js.
 */

import { ACTIVATIONS } from './activations.js';
import { convolve, dense } from './convolution.js';
import { mapOf, sumOf, zeros } from './values.js';
import { divisorOf, visitWindow } from './windows.js';

/** The maps [C, H, W] with other rows and columns: entry i copies source rows[i], or is `fill` for -1. */
function copyPixels(x, rows, columns, fill) {
  const [channels, height, width] = x.shape;
  const y = zeros([channels, rows.length, columns.length]);
  let at = 0;
  for (let c = 0; c < channels; c += 1) {
    for (const row of rows) {
      for (const column of columns) {
        const inside = row >= 0 && column >= 0;
        y.data[at] = inside ? x.data[(c * height + row) * width + column] : fill;
        at += 1;
      }
    }
  }
  return y;
}

/** For each place of the window: combine(values under it, their count), channel by channel. */
function poolWindows(layer, x, combine) {
  const { window } = layer;
  const [channels, height, width] = x.shape;
  const y = zeros([channels, ...window.output]);
  const values = new Float64Array(window.kernel[0] * window.kernel[1]);
  let at = 0;
  for (let c = 0; c < channels; c += 1) {
    for (let i = 0; i < window.output[0]; i += 1) {
      for (let j = 0; j < window.output[1]; j += 1) {
        let count = 0;
        visitWindow(window, height, width, i, j, (row, column, kh, kw, inside) => {
          if (!inside) return;
          values[count] = x.data[(c * height + row) * width + column];
          count += 1;
        });
        y.data[at] = combine(values.subarray(0, count), i, j);
        at += 1;
      }
    }
  }
  return y;
}

const largest = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
const smallest = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);

/** The whole map of each channel, combined: [C, H, W] -> [C], or [C, 1, 1]. */
function poolAll(layer, x, combine) {
  const [channels] = x.shape;
  const y = zeros(layer.keepdim ? [channels, 1, 1] : [channels]);
  for (let c = 0; c < channels; c += 1) {
    y.data[c] = combine(Float64Array.from(mapOf(x, c)));
  }
  return y;
}

/** Regions that cover the map, each combined: region i has the pixels rows[i][0] to rows[i][1]. */
function poolRegions(layer, x, combine) {
  const [channels, height, width] = x.shape;
  const y = zeros([channels, layer.rows.length, layer.columns.length]);
  let at = 0;
  for (let c = 0; c < channels; c += 1) {
    for (const [top, bottom] of layer.rows) {
      for (const [left, right] of layer.columns) {
        const values = [];
        for (let row = top; row < bottom; row += 1) {
          for (let column = left; column < right; column += 1) {
            values.push(x.data[(c * height + row) * width + column]);
          }
        }
        y.data[at] = combine(values);
        at += 1;
      }
    }
  }
  return y;
}

/** y[c] = x[c] / (k + alpha / size · sum of x² over the channels near c) ^ beta */
function normaliseResponse(layer, x) {
  const [channels, height, width] = x.shape;
  const { size, alpha, beta, k } = layer;
  const pixels = height * width;
  const y = zeros(x.shape);
  const before = Math.floor(size / 2);
  for (let c = 0; c < channels; c += 1) {
    const first = Math.max(0, c - before);
    const stop = Math.min(channels, c - before + size);
    for (let p = 0; p < pixels; p += 1) {
      let squares = 0;
      for (let near = first; near < stop; near += 1) squares += x.data[near * pixels + p] ** 2;
      y.data[c * pixels + p] = x.data[c * pixels + p] / (k + (alpha / size) * squares) ** beta;
    }
  }
  return y;
}

/** y[c] = scale[c] · x[c] + shift[c]: batch norm in evaluation, where its statistics are fixed. */
function scaleChannels(layer, x) {
  const y = zeros(x.shape);
  const pixels = x.data.length / x.shape[0];
  for (let at = 0; at < x.data.length; at += 1) {
    const c = Math.floor(at / pixels);
    y.data[at] = layer.scale.data[c] * x.data[at] + layer.shift.data[c];
  }
  return y;
}

/** The probabilities e^x / sum of e^x over the channels, or their logarithms. */
function softmax(x, isLogarithm) {
  const y = zeros(x.shape);
  const [channels] = x.shape;
  const pixels = x.data.length / channels;
  for (let p = 0; p < pixels; p += 1) {
    let highest = -Infinity;
    for (let c = 0; c < channels; c += 1) highest = Math.max(highest, x.data[c * pixels + p]);
    let total = 0;
    for (let c = 0; c < channels; c += 1) total += Math.exp(x.data[c * pixels + p] - highest);
    for (let c = 0; c < channels; c += 1) {
      const above = x.data[c * pixels + p] - highest;
      y.data[c * pixels + p] = isLogarithm ? above - Math.log(total) : Math.exp(above) / total;
    }
  }
  return y;
}

/** The image in another size: rows and columns are matrices [new size, size] of bilinear weights. */
function resize(layer, x) {
  const [channels, height, width] = x.shape;
  const [rows, columns] = [layer.rows.shape[0], layer.columns.shape[0]];
  const y = zeros([channels, rows, columns]);
  for (let c = 0; c < channels; c += 1) {
    for (let i = 0; i < rows; i += 1) {
      for (let j = 0; j < columns; j += 1) {
        let total = 0;
        for (let row = 0; row < height; row += 1) {
          const share = layer.rows.data[i * height + row];
          if (share === 0) continue;
          for (let column = 0; column < width; column += 1) {
            const part = layer.columns.data[j * width + column];
            if (part !== 0) total += share * part * x.data[(c * height + row) * width + column];
          }
        }
        y.data[(c * rows + i) * columns + j] = total;
      }
    }
  }
  return y;
}

function activate(layer, x) {
  const f = ACTIVATIONS[layer.kind];
  return { shape: x.shape, data: x.data.map((a) => f(a, layer)) };
}

/** How each kind of layer computes its output. */
export const FORWARD = {
  conv2d: convolve,
  linear: dense,
  max_pool2d: (layer, x) => poolWindows(layer, x, largest),
  min_pool2d: (layer, x) => poolWindows(layer, x, smallest),
  avg_pool2d: (layer, x) => poolWindows(layer, x, (v, i, j) => sumOf(v) / divisorOf(layer, i, j)),
  lp_pool2d: (layer, x) => poolWindows(layer, x, (values, i, j) => pNorm(layer, values, i, j)),
  global_max_pool2d: (layer, x) => poolAll(layer, x, largest),
  global_min_pool2d: (layer, x) => poolAll(layer, x, smallest),
  global_avg_pool2d: (layer, x) => poolAll(layer, x, (values) => sumOf(values) / values.length),
  adaptive_max_pool2d: (layer, x) => poolRegions(layer, x, largest),
  adaptive_avg_pool2d: (layer, x) =>
    poolRegions(layer, x, (values) => sumOf(values) / values.length),
  pad2d: (layer, x) => copyPixels(x, layer.rows, layer.columns, layer.value),
  local_response_norm: normaliseResponse,
  resize,
  batch_norm: scaleChannels,
  flatten: (layer, x) => ({ shape: [x.data.length], data: x.data }),
  identity: (layer, x) => x,
  softmax: (layer, x) => softmax(x, false),
  log_softmax: (layer, x) => softmax(x, true),
  ...Object.fromEntries(Object.keys(ACTIVATIONS).map((kind) => [kind, activate])),
};

/** The p-th root of the sum of p-th powers; a window cut short counts as a whole one of its mean. */
function pNorm(layer, values, i, j) {
  const { norm_type: p, window } = layer;
  const powers = values.reduce((total, a) => total + a ** p, 0);
  const whole = (powers / divisorOf(layer, i, j)) * window.kernel[0] * window.kernel[1];
  return Math.sign(whole) * Math.abs(whole) ** (1 / p);
}
