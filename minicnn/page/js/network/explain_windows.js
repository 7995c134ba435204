/** How one number of a convolution or a pooling was computed from what lies under its window. */

import { mapOf, sumOf } from './values.js';
import { divisorOf, visitWindow } from './windows.js';

const MOST_CHANNELS = 3; // of a convolution: shown in full

/** The numbers of one channel under the window at (i, j); 0 in the padding. */
function patchOf(layer, x, channel, i, j) {
  const [, height, width] = x.shape;
  const [values, padding] = [[], []];
  visitWindow(layer.window, height, width, i, j, (row, column, kh, kw, inside) => {
    values.push(inside ? x.data[(channel * height + row) * width + column] : 0);
    padding.push(!inside);
  });
  const [rows, columns] = layer.window.kernel;
  return { values, padding, rows, columns, channel };
}

/** The sum over channels, rows and columns of patch · kernel, plus the bias. */
export function explainConvolution(layer, x, [o, i, j]) {
  const { weight, bias, window, groups } = layer;
  const [outputs, inputs] = weight.shape;
  const taps = window.kernel[0] * window.kernel[1];
  const first = Math.floor(o / (outputs / groups)) * inputs;
  const [grids, terms, sums] = [[], [], []];
  for (let c = 0; c < inputs; c += 1) {
    const patch = patchOf(layer, x, first + c, i, j);
    const start = (o * inputs + c) * taps;
    const kernel = Array.from(weight.data.subarray(start, start + taps));
    const products = patch.values.map((value, tap) => value * kernel[tap]);
    sums.push(sumOf(products));
    if (c >= MOST_CHANNELS) continue;
    const size = { rows: patch.rows, columns: patch.columns, channel: first + c };
    grids.push({ name: 'patch', ...patch });
    grids.push({ name: 'kernel', ...size, values: kernel, signed: true });
    grids.push({ name: 'products', ...size, values: products, signed: true });
    terms.push({ name: 'channelSum', channel: first + c, value: sums[c] });
  }
  if (inputs > MOST_CHANNELS) {
    const others = sums.slice(MOST_CHANNELS);
    terms.push({ name: 'otherChannels', count: others.length, value: sumOf(others) });
  }
  if (bias) terms.push({ name: 'bias', value: bias.data[o] });
  return { grids, terms, result: sumOf(terms.map((term) => term.value)) };
}

export function explainPooling(layer, x, [c, i, j]) {
  const patch = patchOf(layer, x, c, i, j);
  const real = patch.values.filter((_, tap) => !patch.padding[tap]);
  const grid = { name: 'window', ...patch };
  if (layer.kind === 'avg_pool2d') return mean(grid, real, divisorOf(layer, i, j));
  if (layer.kind === 'lp_pool2d') return norm(layer, grid, real, divisorOf(layer, i, j));
  return winner(grid, layer.kind === 'max_pool2d');
}

/** The whole map, combined. */
export function explainGlobalPooling(layer, x, [c]) {
  const [, height, width] = x.shape;
  const values = Array.from(mapOf(x, c));
  const grid = { name: 'map', values, rows: height, columns: width, channel: c };
  if (layer.kind === 'global_avg_pool2d') return mean(grid, values, values.length);
  return winner(grid, layer.kind === 'global_max_pool2d');
}

/** A region of an adaptive pooling. */
export function explainRegions(layer, x, [c, i, j]) {
  const [, height, width] = x.shape;
  const [[top, bottom], [left, right]] = [layer.rows[i], layer.columns[j]];
  const values = [];
  for (let row = top; row < bottom; row += 1) {
    const start = (c * height + row) * width;
    values.push(...x.data.subarray(start + left, start + right));
  }
  const size = { rows: bottom - top, columns: right - left };
  const grid = { name: 'region', values, ...size, channel: c };
  if (layer.kind === 'adaptive_avg_pool2d') return mean(grid, values, values.length);
  return winner(grid, true);
}

function mean(grid, values, divisor) {
  const sum = sumOf(values);
  const terms = [
    { name: 'sum', count: values.length, value: sum },
    { name: 'divisor', value: divisor },
  ];
  return { grids: [grid], terms, result: sum / divisor };
}

/** The first of the largest or smallest numbers that are not padding; NaN wins over all. */
function winner(grid, isLargest) {
  let marked = -1;
  grid.values.forEach((value, tap) => {
    if (grid.padding?.[tap]) return;
    const best = grid.values[marked];
    const isBetter = Number.isNaN(value) || (isLargest ? value > best : value < best);
    if (marked < 0 || (isBetter && !Number.isNaN(best))) marked = tap;
  });
  const terms = [{ name: isLargest ? 'largest' : 'smallest', value: grid.values[marked] }];
  return { grids: [{ ...grid, marked }], terms, result: grid.values[marked] };
}

/** The p-th root of the sum of p-th powers; a window cut short counts as a whole one of its mean. */
function norm(layer, grid, values, divisor) {
  const { norm_type: p } = layer;
  const powers = sumOf(values.map((value) => value ** p));
  const whole = (powers / divisor) * grid.rows * grid.columns;
  const result = Math.sign(whole) * Math.abs(whole) ** (1 / p);
  const terms = [
    { name: 'pthPowers', p, value: whole },
    { name: 'pthRoot', p, value: result },
  ];
  return { grids: [grid], terms, result };
}
