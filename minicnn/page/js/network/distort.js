/** Images that are moved, turned, thickened and disturbed, with the conventions of minicnn.data.transforms. */

import { makeNormal } from './random.js';
import { zeros } from './values.js';

/** The amounts that change nothing. */
export const NO_DISTORTION = { right: 0, down: 0, degrees: 0, noise: 0, thickness: 0 };

/**
 * An image [C, H, W] from 0 to 1, distorted.
 *
 *   right, down   pixels by which it is shifted
 *   degrees       the angle by which it is turned about its centre, clockwise
 *   noise         the standard deviation of normal noise, drawn from `seed`
 *   thickness     how far bright lines grow (above 0) or shrink (below 0), in pixels
 *
 * Lines are drawn, then moved, then disturbed; the parts are the functions below.
 */
export function distort(image, { right, down, degrees, noise, thickness }, seed = 1) {
  return addNoise(move(thicken(image, thickness), { right, down, degrees }), noise, seed);
}

/**
 * The image turned about its centre c and then shifted by t: the pixel p moves to c + t + R (p - c).
 * Each new pixel is the bilinear interpolation at the point that it came from, with 0 outside.
 */
export function move(image, { right = 0, down = 0, degrees = 0 }) {
  if (right === 0 && down === 0 && degrees === 0) return image;
  const [channels, height, width] = image.shape;
  const moved = zeros(image.shape);
  const angle = (degrees * Math.PI) / 180;
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const [middleRow, middleColumn] = [(height - 1) / 2, (width - 1) / 2];
  for (let i = 0; i < height; i += 1) {
    for (let j = 0; j < width; j += 1) {
      const [y, x] = [i - middleRow - down, j - middleColumn - right];
      const row = cos * y - sin * x + middleRow;
      const column = sin * y + cos * x + middleColumn;
      for (let c = 0; c < channels; c += 1) {
        moved.data[(c * height + i) * width + j] = interpolate(image, c, row, column);
      }
    }
  }
  return moved;
}

function interpolate({ shape: [, height, width], data }, channel, row, column) {
  const [top, left] = [Math.floor(row), Math.floor(column)];
  const [down, right] = [row - top, column - left];
  const pixel = (i, j) =>
    i >= 0 && i < height && j >= 0 && j < width ? data[(channel * height + i) * width + j] : 0;
  const upper = (1 - right) * pixel(top, left) + right * pixel(top, left + 1);
  const lower = (1 - right) * pixel(top + 1, left) + right * pixel(top + 1, left + 1);
  return (1 - down) * upper + down * lower;
}

/**
 * Grey dilation (amount above 0) or erosion (below 0): each pixel becomes the largest or smallest of
 * itself and its four neighbours, as often as the amount says. A fraction is mixed with the next step.
 */
export function thicken(image, amount) {
  const pick = amount > 0 ? Math.max : Math.min;
  const steps = Math.floor(Math.abs(amount));
  const share = Math.abs(amount) - steps;
  let thick = image;
  for (let step = 0; step < steps; step += 1) thick = pickFromNeighbours(thick, pick);
  if (share === 0) return thick;
  const next = pickFromNeighbours(thick, pick);
  const data = thick.data.map((value, at) => (1 - share) * value + share * next.data[at]);
  return { shape: image.shape, data };
}

function pickFromNeighbours({ shape, data }, pick) {
  const [channels, height, width] = shape;
  const picked = zeros(shape);
  for (let row = 0; row < channels * height; row += 1) {
    const i = row % height;
    for (let j = 0; j < width; j += 1) {
      const at = row * width + j;
      let value = data[at];
      if (i > 0) value = pick(value, data[at - width]);
      if (i < height - 1) value = pick(value, data[at + width]);
      if (j > 0) value = pick(value, data[at - 1]);
      if (j < width - 1) value = pick(value, data[at + 1]);
      picked.data[at] = value;
    }
  }
  return picked;
}

/** The image plus normal noise with this standard deviation, clipped to 0..1. The seed fixes the noise. */
export function addNoise(image, deviation, seed) {
  if (deviation === 0) return image;
  const draw = makeNormal(seed);
  const data = image.data.map((value) => Math.min(Math.max(value + deviation * draw(), 0), 1));
  return { shape: image.shape, data };
}

/**
 * Where the answer changes along a slider: for each direction away from position `start`, the
 * positions at which another answer begins. answers: the best class at each position.
 *
 * Returns { before, after }: lists of { at, answer }, the nearest first.
 */
export function changesOf(answers, start) {
  const walk = (step) => {
    const found = [];
    for (let at = start + step; at >= 0 && at < answers.length; at += step) {
      if (answers[at] !== answers[at - step]) found.push({ at, answer: answers[at] });
    }
    return found;
  };
  return { before: walk(-1), after: walk(1) };
}
