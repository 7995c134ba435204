/** A drawn digit in the size of the bundled ones: 8x8 pixels that its ink fills. */

import { imageFromPicture } from './picture.js';
import { BOX } from './resample.js';

const SIDE = 8;
const FAINT = 0.2; // of the darkest ink: less counts as paper

/**
 * An image [C, H, W], ink 1 on paper 0, as [1, 8, 8]: the smallest square around the ink, shrunk. In
 * an image with colours the paper is white. The darkest pixel becomes 1, as in the bundled digits. Null
 * if there is no ink.
 */
export function smallDigit(image) {
  const [channels, height, width] = image.shape;
  if (channels === 1 && height === SIDE && width === SIDE) return image;
  const ink = inkOf(image);
  const box = boxOf(ink, height, width);
  if (!box) return null;
  // The bundled digits count the ink in blocks of pixels, too.
  const square = cutOut(ink, height, width, box);
  const { shape, data } = imageFromPicture(square, [1, SIDE, SIDE], BOX);
  const darkest = data.reduce((a, b) => Math.max(a, b), 0);
  return { shape, data: data.map((a) => a / darkest) };
}

function inkOf({ shape: [channels, height, width], data }) {
  if (channels === 1) return data;
  const pixels = height * width;
  return Float32Array.from({ length: pixels }, (_, at) => {
    let total = 0;
    for (let c = 0; c < channels; c += 1) total += data[c * pixels + at];
    return 1 - total / channels;
  });
}

/** The rows and columns that hold ink: {top, bottom, left, right}, all inside. */
function boxOf(ink, height, width) {
  const darkest = ink.reduce((a, b) => Math.max(a, b), 0);
  const box = { top: height, bottom: -1, left: width, right: -1 };
  for (let at = 0; at < height * width; at += 1) {
    if (ink[at] <= FAINT * darkest) continue;
    const [row, column] = [Math.floor(at / width), at % width];
    box.top = Math.min(box.top, row);
    box.bottom = row;
    box.left = Math.min(box.left, column);
    box.right = Math.max(box.right, column);
  }
  return darkest > 0 && box.bottom >= 0 ? box : null;
}

/** A square with the ink in its middle, as the picture {data, width, height} of picture.js. */
function cutOut(ink, height, width, { top, bottom, left, right }) {
  const side = Math.max(bottom - top, right - left) + 1;
  const firstRow = Math.floor((top + bottom + 1 - side) / 2);
  const firstColumn = Math.floor((left + right + 1 - side) / 2);
  const data = new Float32Array(4 * side * side);
  for (let i = 0; i < side; i += 1) {
    for (let j = 0; j < side; j += 1) {
      const [row, column] = [firstRow + i, firstColumn + j];
      const isInside = row >= 0 && row < height && column >= 0 && column < width;
      data.fill(isInside ? 255 * ink[row * width + column] : 0, 4 * (i * side + j), 4 * (i * side + j) + 3); // prettier-ignore
    }
  }
  return { data, width: side, height: side };
}
