/** One window on one square map: what its padding copies, where it lies, and what it computes there. */

/**
 * The geometry of a window {size, kernel, stride, padding, mode, dilation} on a size x size map:
 *
 *   problem   why it is impossible, {reason, ...}; null if it is possible, and then also
 *   sources   for each padded row (and column) the one that it copies, -1 for zeros
 *   output    the rows (and columns) of places
 *   counts    how many taps fall on each padded row, over all places
 *   uses      how many taps read each row of the map, there or where padding copies it
 */
export function planWindow(options) {
  const { size, kernel, stride, padding, mode, dilation } = options;
  const span = dilation * (kernel - 1) + 1;
  const padded = size + 2 * padding;
  const plan = { ...options, span, padded, problem: findProblem(options, span, padded) };
  if (plan.problem) return plan;
  const output = Math.floor((padded - span) / stride) + 1;
  const sources = Array.from({ length: padded }, (_, i) => sourceOf(i - padding, size, mode));
  const counts = sources.map(() => 0);
  for (let place = 0; place < output; place += 1) {
    for (let tap = 0; tap < kernel; tap += 1) counts[place * stride + tap * dilation] += 1;
  }
  const uses = new Array(size).fill(0);
  sources.forEach((source, i) => {
    if (source >= 0) uses[source] += counts[i];
  });
  return { ...plan, output, sources, counts, uses };
}

function findProblem({ size, padding, mode }, span, padded) {
  const most = { reflect: size - 1, circular: size }[mode] ?? Infinity;
  if (padding > most) return { reason: mode, most };
  return padded < span ? { reason: 'span' } : null;
}

/** The row that row i of a padded map copies, counted from the first row of the map; -1 for zeros. */
function sourceOf(i, size, mode) {
  if (mode === 'reflect') return i < size ? Math.abs(i) : 2 * (size - 1) - i;
  if (mode === 'replicate') return Math.min(Math.max(i, 0), size - 1);
  if (mode === 'circular') return (i + size) % size;
  return i >= 0 && i < size ? i : -1;
}

/** Whether row (or column) i of the padded map is padding. */
export function isPadding({ size, padding }, i) {
  return i < padding || i >= padding + size;
}

/**
 * The rows (and columns) of the map on which no tap falls: {last, between}, those after the last tap
 * and those between taps.
 */
export function unreachedRows({ size, padding, counts }) {
  const end = counts.findLastIndex((count) => count > 0) - padding + 1;
  const rows = counts.slice(padding, padding + size).map((_, row) => row);
  const unreached = rows.filter((row) => counts[padding + row] === 0);
  return {
    last: unreached.filter((row) => row >= end),
    between: unreached.filter((row) => row < end),
  };
}

/** How many pixels of the map lie under no place of the window, and how many of them padding copies. */
export function countUnreached({ size, padding, counts, uses }) {
  const reached = counts.slice(padding, padding + size).filter((count) => count > 0).length;
  const used = uses.filter((count) => count > 0).length;
  return { pixels: size * size - reached * reached, copied: used * used - reached * reached };
}

/** The padded map of a plan. */
export function padMap({ size, sources }, data) {
  return sources.flatMap((row) =>
    sources.map((column) => (row < 0 || column < 0 ? 0 : data[row * size + column])),
  );
}

/** What lies under place (i, j): the index in the padded map of each tap, and the number there. */
export function lookUnder({ kernel, stride, dilation, padded }, map, i, j) {
  const places = [];
  for (let kh = 0; kh < kernel; kh += 1) {
    for (let kw = 0; kw < kernel; kw += 1) {
      places.push((i * stride + kh * dilation) * padded + j * stride + kw * dilation);
    }
  }
  return { places, values: places.map((place) => map[place]) };
}

/**
 * What the window computes from the numbers under it and a kernel. largest and smallest are the taps
 * that win, the first in row order of equal ones; the mean counts padding like every other pixel.
 */
export function computeUnder(values, weights) {
  const max = Math.max(...values);
  const min = Math.min(...values);
  const sum = values.reduce((total, value) => total + value, 0);
  const products = values.map((value, tap) => value * weights[tap]);
  return {
    max,
    min,
    sum,
    mean: sum / values.length,
    products,
    convolution: products.reduce((total, product) => total + product, 0),
    largest: values.indexOf(max),
    smallest: values.indexOf(min),
  };
}

/** The four outputs of a plan over a padded map, in row order: {max, min, mean, convolution}. */
export function slideWindow(plan, map, weights) {
  const outputs = { max: [], min: [], mean: [], convolution: [] };
  for (let i = 0; i < plan.output; i += 1) {
    for (let j = 0; j < plan.output; j += 1) {
      const found = computeUnder(lookUnder(plan, map, i, j).values, weights);
      for (const [name, numbers] of Object.entries(outputs)) numbers.push(found[name]);
    }
  }
  return outputs;
}
