/**
 * How one number of a layer's output was computed.
 *
 *   grids    the numbers that went in, {name, rows, columns, values} with channel, padding (which are
 *            none of the input's), marked (the index of the winner) and signed, where they apply
 *   terms    what was done with them, {name, value} with what the name needs to be told
 *   result   the number, computed in float64 from these
 *
 * Names are keys of TEXT.watch.grids and TEXT.watch.terms.
 */

import { ACTIVATIONS } from './activations.js';
import {
  explainConvolution,
  explainGlobalPooling,
  explainPooling,
  explainRegions,
} from './explain_windows.js';
import { indexOf, sumOf } from './values.js';

const MOST_TERMS = 12; // of a dense layer: the largest products

/** How the number at a place [c, i, j] or [k] of a layer's output came from its input x. */
export function explainNumber(layer, x, place) {
  const explain = EXPLANATIONS[layer.kind] ?? explainActivation;
  return { kind: layer.kind, grids: [], ...explain(layer, x, place) };
}

function explainDense(layer, x, [o]) {
  const { weight, bias } = layer;
  const [, inputs] = weight.shape;
  const products = Array.from({ length: inputs }, (_, input) => {
    const [w, a] = [weight.data[o * inputs + input], x.data[input]];
    return { name: 'product', input, weight: w, number: a, value: w * a };
  });
  const ordered = [...products].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const terms = ordered.slice(0, MOST_TERMS);
  const others = ordered.slice(MOST_TERMS);
  if (others.length) {
    const value = sumOf(others.map((term) => term.value));
    terms.push({ name: 'otherProducts', count: others.length, value });
  }
  if (bias) terms.push({ name: 'bias', value: bias.data[o] });
  return { terms, result: sumOf(terms.map((term) => term.value)) };
}

function explainPadding(layer, x, [c, i, j]) {
  const [row, column] = [layer.rows[i], layer.columns[j]];
  if (row < 0 || column < 0) {
    return { terms: [{ name: 'fill', value: layer.value }], result: layer.value };
  }
  return copied(x, [c, row, column]);
}

function explainFlatten(layer, x, [k]) {
  if (x.shape.length === 1) return copied(x, [k]);
  const [, height, width] = x.shape;
  const rest = k % (height * width);
  const c = Math.floor(k / (height * width));
  return copied(x, [c, Math.floor(rest / width), rest % width]);
}

function copied(x, place) {
  const value = x.data[indexOf(x.shape, place)];
  return { terms: [{ name: 'copy', place, value }], result: value };
}

/** x[c, i, j] / (k + alpha / size · sum of squares near c) ^ beta */
function explainResponseNorm(layer, x, [c, i, j]) {
  const { size, alpha, beta, k } = layer;
  const first = Math.max(0, c - Math.floor(size / 2));
  const last = Math.min(x.shape[0], c - Math.floor(size / 2) + size) - 1;
  const near = Array.from({ length: last - first + 1 }, (_, n) => first + n);
  const squares = sumOf(near.map((channel) => x.data[indexOf(x.shape, [channel, i, j])] ** 2));
  const input = x.data[indexOf(x.shape, [c, i, j])];
  const divisor = (k + (alpha / size) * squares) ** beta;
  const terms = [
    { name: 'input', value: input },
    { name: 'squares', first, last, value: squares },
    { name: 'normDivisor', layer, value: divisor },
  ];
  return { terms, result: input / divisor };
}

function explainBatchNorm(layer, x, place) {
  const input = x.data[indexOf(x.shape, place)];
  const [scale, shift] = [layer.scale.data[place[0]], layer.shift.data[place[0]]];
  const terms = [
    { name: 'input', value: input },
    { name: 'scale', value: scale },
    { name: 'shift', value: shift },
  ];
  return { terms, result: scale * input + shift };
}

/** e^x / sum of e^x over the channels at the same pixel, or its logarithm. */
function explainSoftmax(layer, x, [c, i, j]) {
  const channels = Array.from({ length: x.shape[0] }, (_, k) => k);
  const scores = channels.map((k) => x.data[indexOf(x.shape, i === undefined ? [k] : [k, i, j])]);
  const highest = Math.max(...scores); // subtracted, so that no power is too large
  const own = Math.exp(scores[c] - highest);
  const total = sumOf(scores.map((score) => Math.exp(score - highest)));
  const terms = [
    { name: 'score', value: scores[c] },
    { name: 'highestScore', value: highest },
    { name: 'power', value: own },
    { name: 'powers', count: scores.length, value: total },
  ];
  const result = layer.kind === 'softmax' ? own / total : Math.log(own / total);
  return { terms, result };
}

function explainResize(layer, x, [c, i, j]) {
  const [, height, width] = x.shape;
  const terms = [];
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const share = layer.rows.data[i * height + row] * layer.columns.data[j * width + column];
      const number = x.data[indexOf(x.shape, [c, row, column])];
      if (share !== 0) {
        terms.push({ name: 'share', row, column, share, number, value: share * number });
      }
    }
  }
  return { terms, result: sumOf(terms.map((term) => term.value)) };
}

function explainActivation(layer, x, place) {
  const input = x.data[indexOf(x.shape, place)];
  const f = ACTIVATIONS[layer.kind];
  return { terms: [{ name: 'input', value: input }], result: f ? f(input, layer) : input };
}

const EXPLANATIONS = {
  conv2d: explainConvolution,
  linear: explainDense,
  max_pool2d: explainPooling,
  min_pool2d: explainPooling,
  avg_pool2d: explainPooling,
  lp_pool2d: explainPooling,
  global_max_pool2d: explainGlobalPooling,
  global_min_pool2d: explainGlobalPooling,
  global_avg_pool2d: explainGlobalPooling,
  adaptive_max_pool2d: explainRegions,
  adaptive_avg_pool2d: explainRegions,
  pad2d: explainPadding,
  resize: explainResize,
  local_response_norm: explainResponseNorm,
  batch_norm: explainBatchNorm,
  softmax: explainSoftmax,
  log_softmax: explainSoftmax,
  flatten: explainFlatten,
};
