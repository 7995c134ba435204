/** Which ink of a picture belongs to the one digit on it. */

import { components } from './components.js';
import { boundingBox, crop, emptyBox, include } from './crop.js';
import { FAINT, NOISE } from './ink.js';
import { largestOf, quantileOf } from './numpy.js';

const { fround } = Math;
const STRONG = 0.45; // of the darkest stroke: each part is at least so dark somewhere
const SPECK = 0.04; // of the largest part: smaller ones are specks

/** Why a picture is not one digit: code is 'nothing' or 'several', then number says how many. */
export class PictureError extends RangeError {
  constructor(code, number = 0) {
    super(number ? `${code}:${number}` : code);
    this.code = code;
    this.number = number;
  }
}

/**
 * The digit in ink {data, width, height}: the largest of the connected parts, cut out with
 * one pixel around it where there is one. The ink goes from 0 to 1, and is 0 outside these parts.
 */
export function findDigit(ink, noise) {
  const { data, width, height } = ink;
  const top = topOf(data);
  const least = fround(Math.max(FAINT * top, Math.min(NOISE * noise, STRONG * top)));
  const { labels, count } = components(maskOf(data, least), width, height);
  const parts = measureParts(labels, count, ink, fround(STRONG * top));
  const chosen = largestOfParts(parts.filter((part) => part.isStrong));
  checkOne(chosen);
  const isChosen = new Uint8Array(count + 1);
  for (const { label } of chosen) isChosen[label] = 1;
  const digit = new Float32Array(data.length);
  for (let at = 0; at < data.length; at += 1) {
    if (isChosen[labels[at]]) digit[at] = Math.min(data[at] / top, 1);
  }
  const whole = { data: digit, width, height };
  return crop(whole, boundingBox(whole), 1);
}

/** How dark the darkest strokes are. */
function topOf(data) {
  const half = largestOf(data) / 2;
  const dark = [];
  for (let at = 0; at < data.length; at += 1) if (data[at] > half) dark.push(data[at]);
  return quantileOf(Float32Array.from(dark), 0.9);
}

function maskOf(data, least) {
  const mask = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at += 1) mask[at] = data[at] > least ? 1 : 0;
  return mask;
}

/** The area and the sides of each part, and whether its ink is strong somewhere. */
function measureParts(labels, count, { data, width, height }, strong) {
  const parts = Array.from({ length: count + 1 }, (_, label) => ({
    ...{ label, area: 0, isStrong: false },
    ...emptyBox({ width, height }),
  }));
  for (let at = 0, row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, at += 1) {
      if (labels[at] === 0) continue;
      const part = parts[labels[at]];
      part.area += 1;
      include(part, row, column);
      if (data[at] > strong) part.isStrong = true;
    }
  }
  for (const part of parts) {
    part.isAtEdge =
      part.top === 0 || part.left === 0 || part.bottom === height - 1 || part.right === width - 1;
  }
  return parts.slice(1);
}

/** The parts without specks; those that touch the edge only if there is nothing else. */
function largestOfParts(parts) {
  const largest = (some) => Math.max(...some.map(({ area }) => area));
  const inside = parts.filter(({ isAtEdge }) => !isAtEdge);
  const isInside = inside.length > 0 && largest(inside) > SPECK * largest(parts);
  const found = isInside ? inside : parts;
  return found.filter(({ area }) => area >= SPECK * largest(found));
}

/** Parts of similar height next to each other are several digits. */
function checkOne(parts) {
  const heightOf = ({ top, bottom }) => bottom - top + 1;
  const tallest = Math.max(...parts.map(heightOf));
  const tall = parts
    .filter((part) => heightOf(part) > 0.6 * tallest)
    .sort((a, b) => a.left - b.left || a.right - b.right);
  const apart = tall.filter((part, k) => k > 0 && part.left > tall[k - 1].right).length;
  if (apart > 0) throw new PictureError('several', apart + 1);
}
