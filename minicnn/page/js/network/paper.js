/** The paper under a digit: a smooth surface in any light. What differs from it is ink. */

import { leastSquares } from './least_squares.js';
import { medianOf, medianOfCounts } from './numpy.js';

const { fround } = Math;
const SMALL = 64; // pixels: smaller pictures are cut out already
const BLOCKS = 24; // along a side: their medians show the paper,
const NEAR = 0.2; // of white: where they differ by less from a plane
const STEPS = 15; // of reweighting, or fewer
const SETTLED = 1e-12; // once no coefficient moves by more, which no float32 level would show

/** What the bytes 0 to 255 stand for. */
export const LEVELS = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/**
 * The level of the paper at each pixel of a grey picture {data, width, height}: a surface of second
 * degree near most of the blocks. The paper of a small picture is its border, of one level.
 */
export function levelsOfPaper(grey) {
  const { width, height } = grey;
  if (Math.max(width, height) < SMALL) {
    return new Float32Array(width * height).fill(medianOf(borderOf(grey)));
  }
  const { values, terms } = measureBlocks(grey);
  return evaluate(fitSurface(terms, values), width, height);
}

/** The median of each block, and 1, y, x, y², xy, x² at its middle. */
function measureBlocks(grey) {
  const [rows, columns] = [split(grey.height), split(grey.width)];
  const values = new Float64Array(rows.length * columns.length);
  const terms = Array.from({ length: 6 }, () => new Float64Array(values.length));
  const counts = new Int32Array(256);
  rows.forEach((row, i) => {
    columns.forEach((column, j) => {
      const block = i * columns.length + j;
      const [y, x] = [row.middle, column.middle];
      values[block] = medianOfBlock(grey, row, column, counts);
      [1, y, x, y * y, x * y, x * x].forEach((term, n) => {
        terms[n][block] = term;
      });
    });
  });
  return { values, terms };
}

function borderOf({ data, width, height }) {
  const border = [];
  for (let column = 0; column < width; column += 1) {
    border.push(LEVELS[data[column]], LEVELS[data[(height - 1) * width + column]]);
  }
  for (let row = 0; row < height; row += 1) {
    border.push(LEVELS[data[row * width]], LEVELS[data[(row + 1) * width - 1]]);
  }
  return border;
}

/** Where pixel k of n lies, from -1 to 1. */
function placeOf(k, n) {
  return n === 1 ? -1 : k * (2 / (n - 1)) - 1;
}

/** As many pixels in each block as np.array_split gives it: the first ones may have one more. */
function split(n) {
  const count = Math.min(BLOCKS, n);
  const [least, more] = [Math.floor(n / count), n % count];
  return Array.from({ length: count }, (_, k) => {
    const first = k * least + Math.min(k, more);
    const last = first + least + (k < more ? 1 : 0);
    return { first, last, middle: (placeOf(first, n) + placeOf(last - 1, n)) / 2 };
  });
}

function medianOfBlock({ data, width }, rows, columns, counts) {
  counts.fill(0);
  for (let row = rows.first; row < rows.last; row += 1) {
    for (let column = columns.first; column < columns.last; column += 1) {
      counts[data[row * width + column]] += 1;
    }
  }
  const total = (rows.last - rows.first) * (columns.last - columns.first);
  return medianOfCounts(counts, LEVELS, total);
}

/**
 * Reweighted least squares: ink counts as little as its distance is large. First a plane, which ink
 * at one edge cannot bend, then a bent surface through what is near it.
 */
function fitSurface(terms, values) {
  const middle = medianOf(values);
  const plane = terms.slice(0, 3);
  const flat = values.map((value) => fround(value - middle));
  const coefficients = fit(plane, values, flat, Infinity);
  return fit(terms, values, residuals(plane, values, coefficients), NEAR);
}

/** The coefficients of the terms that fit the values, without those that are not near at first. */
function fit(terms, values, far, near) {
  const kept = far.map((distance) => Number(Math.abs(distance) <= near));
  let found = terms.map(() => Infinity);
  for (let step = 0; step < STEPS; step += 1) {
    const weights = kept.map((isKept, k) => isKept / Math.max(Math.abs(far[k]), 0.01));
    const next = leastSquares(terms, values, weights);
    const isSettled = next.every((coefficient, n) => Math.abs(coefficient - found[n]) < SETTLED);
    found = next;
    if (isSettled) break;
    far = residuals(terms, values, found);
  }
  return found;
}

/** The values less the sum of the terms times their coefficients. */
function residuals(terms, values, coefficients) {
  const far = values.slice();
  terms.forEach((term, n) => {
    for (let k = 0; k < far.length; k += 1) far[k] -= coefficients[n] * term[k];
  });
  return far;
}

/** The surface of second degree with these coefficients at each pixel. */
function evaluate([one, byY, byX, byYY, byXY, byXX], width, height) {
  const levels = new Float32Array(width * height);
  const xs = Float64Array.from({ length: width }, (_, column) => placeOf(column, width));
  for (let at = 0, row = 0; row < height; row += 1) {
    const y = placeOf(row, height);
    const level = one + byY * y + byYY * (y * y);
    const slope = byX + byXY * y;
    for (let column = 0; column < width; column += 1, at += 1) {
      const x = xs[column];
      levels[at] = level + slope * x + byXX * (x * x);
    }
  }
  return levels;
}
