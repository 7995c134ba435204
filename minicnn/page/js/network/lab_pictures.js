/** What the window lab looks at: patterns, small copies of images, and kernels for whole pictures. */

import { imageFromPicture } from './picture.js';

const LEVELS = 9; // the largest number of a small map, so that sums can be checked in the head

/** Maps of size x size whole numbers, in row order. */
export const PATTERNS = {
  ramp: (size) => Array.from({ length: size * size }, (_, at) => at),
  checkerboard: (size) => makeKernel(size, (row, column) => LEVELS * ((row + column) % 2)),
};

/** An image [C, H, W] as a size x size map of whole numbers from 0 to 9. */
export function mapOfImage(image, size) {
  const { data } = imageFromPicture(asPixels(image), [1, size, size]);
  return Array.from(data, (value) => Math.round(LEVELS * value));
}

/** The middle of an image, pixel for pixel if it has size x size of them. */
export function mapOfMiddle({ shape: [channels, height, width], data }, size) {
  const side = Math.min(size, height, width);
  const top = Math.floor((height - side) / 2);
  const left = Math.floor((width - side) / 2);
  const part = new Float32Array(channels * side * side).map((_, at) => {
    const [c, row, column] = [at / side ** 2, (at / side) % side, at % side].map(Math.floor);
    return data[(c * height + top + row) * width + left + column];
  });
  return mapOfImage({ shape: [channels, side, side], data: part }, size);
}

/** An image [1 or 3, H, W] from 0 to 1 as the pixels {data, width, height} of a picture. */
function asPixels({ shape: [channels, height, width], data }) {
  const count = height * width;
  const pixels = new Float32Array(4 * count).map((_, at) => {
    const channel = channels === 3 ? at % 4 : 0;
    return at % 4 === 3 ? 255 : 255 * data[channel * count + Math.floor(at / 4)];
  });
  return { data: pixels, width, height };
}

/** An image [C, H, W] in grey, as {data, height, width}. */
export function greyOfImage(image) {
  return greyOfPixels(asPixels(image));
}

/** The pixels {data, width, height} of a picture in grey, from 0 to 1. */
export function greyOfPixels({ data, width, height }) {
  const grey = new Float32Array(width * height).map(
    (_, at) => (0.299 * data[4 * at] + 0.587 * data[4 * at + 1] + 0.114 * data[4 * at + 2]) / 255,
  );
  return { data: grey, width, height };
}

/**
 * Kernels by name, for every size. For 3x3 they are the usual ones; the edges are Sobel's.
 */
export const KERNELS = {
  identity: (size) => makeKernel(size, isMiddle),
  blur: (size) => makeKernel(size, () => 1 / size ** 2),
  sharpen: (size) => makeKernel(size, sharpenAt),
  horizontal: (size) => makeKernel(size, (row, column) => sideOf(row, size) * peak(column, size)),
  vertical: (size) => makeKernel(size, (row, column) => sideOf(column, size) * peak(row, size)),
  emboss: (size) =>
    makeKernel(size, (row, column) => row + column - (size - 1) + isMiddle(row, column, size)),
};

function makeKernel(size, numberAt) {
  return Array.from({ length: size * size }, (_, at) =>
    Number(numberAt(Math.floor(at / size), at % size, size)),
  );
}

function isMiddle(row, column, size) {
  const middle = Math.floor((size - 1) / 2);
  return Number(row === middle && column === middle);
}

/** -1 on the cross through the middle, and what makes the sum 1 in the middle itself. */
function sharpenAt(row, column, size) {
  const middle = Math.floor((size - 1) / 2);
  if (row === middle && column === middle) return 2 * size - 1;
  return row === middle || column === middle ? -1 : 0;
}

/** -1 before the middle, 1 after it. */
function sideOf(at, size) {
  return Math.sign(2 * at - (size - 1));
}

/** 1, 2, 1: heaviest in the middle. */
function peak(at, size) {
  return Math.min(at, size - 1 - at) + 1;
}

/** Nine numbers in the middle of a size x size kernel: zeros around them, or only the middle ones. */
export function centreKernel(nine, size) {
  const shift = Math.floor((size - 3) / 2);
  return makeKernel(size, (row, column) => {
    const [i, j] = [row - shift, column - shift];
    return i >= 0 && i < 3 && j >= 0 && j < 3 ? nine[3 * i + j] : 0;
  });
}

/** A grey picture under a 3x3 kernel, which is not flipped; outside, the edge pixels are repeated. */
export function filterPicture({ data, width, height }, nine) {
  const filtered = new Float32Array(width * height);
  for (let i = 0; i < height; i += 1) {
    const rows = [Math.max(i - 1, 0), i, Math.min(i + 1, height - 1)];
    for (let j = 0; j < width; j += 1) {
      const columns = [Math.max(j - 1, 0), j, Math.min(j + 1, width - 1)];
      let sum = 0;
      for (let tap = 0; tap < 9; tap += 1) {
        sum += nine[tap] * data[rows[Math.floor(tap / 3)] * width + columns[tap % 3]];
      }
      filtered[i * width + j] = sum;
    }
  }
  return { data: filtered, width, height };
}
