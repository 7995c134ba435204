/** A photograph, scan or drawing of one digit as an image like MNIST's: data/digit_photo.py here. */

import { boundingBox, crop } from './crop.js';
import { findDigit, PictureError } from './digit_parts.js';
import { eraseLines, measureInk } from './ink.js';
import { largestOf, roundToEven, sumPairwise } from './numpy.js';
import { greyOf } from './picture.js';
import { LANCZOS, resize } from './resample.js';

const { fround } = Math;
const WORK_SIDE = 256; // pixels: larger pictures are made so small first
const LEAST_INK = 0.08; // of black: where the darkest pixel has less, there is nothing
const WIDTH = 0.11; // of the longer side: how wide a stroke on MNIST's forms is

/**
 * The digit in pixels {data, width, height} (red, green, blue, 255) as an image [1, side, side], ink
 * 1 on 0, the digit `box` pixels long. Throws a PictureError, 'nothing' or 'several', if there is not
 * one digit.
 */
export function digitFromPicture(pixels, side, box) {
  const { ink, noise } = measureInk(shrink(greyOf(pixels)));
  if (largestOf(ink.data) < fround(LEAST_INK)) throw new PictureError('nothing');
  eraseLines(ink);
  if (largestOf(ink.data) < fround(LEAST_INK)) throw new PictureError('nothing');
  const wide = widen(findDigit(ink, noise));
  const digit = crop(wide, boundingBox(wide));
  const scale = box / Math.max(digit.width, digit.height);
  const scaled = (n) => Math.max(1, roundToEven(n * scale));
  const small = resize(digit, scaled(digit.width), scaled(digit.height), LANCZOS);
  return placeByMass(small, side);
}

/** A picture that is not too large to look at every pixel. */
function shrink(grey) {
  const scale = WORK_SIDE / Math.max(grey.width, grey.height);
  if (scale >= 1) return grey;
  const scaled = (n) => Math.max(1, roundToEven(n * scale));
  return resize(grey, scaled(grey.width), scaled(grey.height), LANCZOS);
}

/** The digit in bytes, with strokes that are not thinner than MNIST's. */
function widen(ink) {
  const { data, width, height } = ink;
  const radius = radiusFor(ink);
  const most = radius < 1 ? 1 : largestOf(data);
  const bytes = new Uint8ClampedArray(data.length); // which rounds a half to the even one
  for (let at = 0; at < data.length; at += 1) {
    if (data[at]) bytes[at] = fround(fround(data[at] / most) * 255);
  }
  const digit = { data: bytes, width, height };
  return radius < 1 ? digit : dilate(digit, radius);
}

/** By how many pixels the strokes are to grow on each side. */
function radiusFor(ink) {
  const { data, width, height } = ink;
  let [area, edges] = [0, 0];
  for (let at = 0, row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, at += 1) {
      const isInk = data[at] > 0;
      if (isInk) area += 1;
      if (column > 0 && isInk !== data[at - 1] > 0) edges += 1;
      if (row > 0 && isInk !== data[at - width] > 0) edges += 1;
    }
  }
  // A long stroke of width w and length l has w·l pixels; its two sides cross 8·l/pi edges of pixels,
  // on the average over all directions.
  const thickness = area / Math.max((edges * Math.PI) / 8, 1);
  const { top, bottom, left, right } = boundingBox(ink);
  const longer = Math.max(bottom - top, right - left) + 1;
  return roundToEven((WIDTH * longer - thickness) / 2);
}

/** Each pixel the lightest in the square of 2·radius + 1 around it; larger by radius on each side. */
function dilate({ data, width, height }, radius) {
  const [newWidth, newHeight] = [width + 2 * radius, height + 2 * radius];
  const across = new Uint8ClampedArray(newWidth * height);
  const made = new Uint8ClampedArray(newWidth * newHeight);
  for (let at = 0; at < data.length; at += 1) {
    if (data[at] === 0) continue; // as most are
    const first = at + 2 * radius * Math.floor(at / width);
    raise(across, first, 1, 2 * radius + 1, data[at]);
  }
  for (let at = 0; at < across.length; at += 1) {
    if (across[at]) raise(made, at, newWidth, 2 * radius + 1, across[at]);
  }
  return { data: made, width: newWidth, height: newHeight };
}

function raise(bytes, first, step, count, value) {
  for (let at = first, n = 0; n < count; n += 1, at += step) {
    if (bytes[at] < value) bytes[at] = value;
  }
}

/** The digit in a square image with its centre of mass in the middle. */
function placeByMass({ data, width, height }, side) {
  const most = Math.max(...data, 1);
  const digit = Float32Array.from(data, (byte) => byte / most);
  const mass = Math.max(sumPairwise(digit), 1e-6);
  const top = shiftFor(sumsOfRows(digit, width, height), mass, side);
  const left = shiftFor(sumsOfColumns(digit, width, height), mass, side);
  const image = new Float32Array(side * side);
  for (let row = 0; row < height; row += 1) {
    const line = digit.subarray(row * width, (row + 1) * width);
    image.set(line, (top + row) * side + left);
  }
  return { shape: [1, side, side], data: image };
}

/** How far the digit is moved along an axis, given the sums at each place of it. */
function shiftFor(sums, mass, side) {
  const centre = sums.reduce((total, sum, k) => total + sum * (k + 0.5), 0) / mass;
  return Math.min(Math.max(roundToEven(side / 2 - centre), 0), side - sums.length);
}

function sumsOfRows(digit, width, height) {
  return Array.from({ length: height }, (_, row) => sumPairwise(digit, row * width, width));
}

/** Row by row, as np.sum adds up columns. */
function sumsOfColumns(digit, width, height) {
  if (width === 1) return [sumPairwise(digit)];
  const sums = new Float32Array(width);
  for (let at = 0; at < width * height; at += 1) sums[at % width] += digit[at];
  return Array.from(sums);
}
