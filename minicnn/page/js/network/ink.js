/** How much ink each pixel of a picture holds, without the lines of the paper. */

import { largestOf, medianOfCounts } from './numpy.js';
import { LEVELS, levelsOfPaper } from './paper.js';

const { fround } = Math;
const LEAST_FAR = 0.04; // of black: what is nearer to the paper does not tell dark ink from light

/** Of the darkest stroke: less is not ink. */
export const FAINT = 0.2;

/** Standard deviations of the paper: less is not ink. */
export const NOISE = 4;

/**
 * How much ink each pixel of a grey picture holds, at most 1, {data, width, height}, and the standard
 * deviation of the paper.
 */
export function measureInk(grey) {
  const ink = levelsOfPaper(grey); // less what is there
  const noise = measureNoise(grey);
  const least = fround(Math.max(NOISE * noise, LEAST_FAR));
  let darker = 0;
  for (let at = 0; at < ink.length; at += 1) {
    ink[at] -= LEVELS[grey.data[at]];
    const far = Math.abs(ink[at]);
    if (far > least) darker += ink[at] * far;
  }
  const sign = darker >= 0 ? 1 : -1; // light ink on dark paper
  for (let at = 0; at < ink.length; at += 1) ink[at] = Math.max(sign * ink[at], 0);
  return { ink: { data: ink, width: grey.width, height: grey.height }, noise };
}

/** Of neighbours, since the paper is smooth: half of these differences are below 0.95 noise. */
function measureNoise({ data, width, height }) {
  if (width === 1) return 0;
  const counts = new Int32Array(256);
  for (let row = 0; row < height; row += 1) {
    const stop = (row + 1) * width;
    for (let at = row * width + 1; at < stop; at += 1) {
      counts[Math.abs(data[at] - data[at - 1])] += 1;
    }
  }
  return medianOfCounts(counts, LEVELS, height * (width - 1)) / 0.95;
}

/**
 * Take away, in place, the lines of ruled or squared paper, which run from edge to edge. Where a digit
 * crosses such a line, there is ink on both sides of it.
 */
export function eraseLines({ data, width, height }) {
  eraseRows(data, { count: height, length: width, next: width, step: 1 });
  eraseRows(data, { count: width, length: height, next: 1, step: width }); // the columns
}

/** next: from a row to the next one; step: from a pixel of a row to the next one. */
function eraseRows(ink, { count, length, next, step }) {
  const least = fround(fround(FAINT / 2) * largestOf(ink));
  const isLine = Array.from({ length: count }, (_, line) => {
    let light = 0;
    const stop = line * next + length * step;
    for (let at = line * next; at < stop && light <= length / 10; at += step) {
      if (ink[at] <= least) light += 1;
    }
    return (length - light) / length > 0.9;
  });
  if (isLine.every(Boolean)) return;
  const widest = Math.max(2, Math.floor(count / 40));
  for (let first = 0, last = 0; first < count; first = last + 1) {
    for (last = first; last < count && isLine[last]; ) last += 1; // the one after the group
    if (last === first || last - first > widest) continue;
    const [above, below] = [Math.max(first - 1, 0) * next, Math.min(last, count - 1) * next];
    for (let at = 0; at < length * step; at += step) {
      const value = Math.min(ink[above + at], ink[below + at]);
      for (let line = first; line < last; line += 1) ink[line * next + at] = value;
    }
  }
}
