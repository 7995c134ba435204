/** A drawn digit in the size of the bundled ones: 8x8 pixels that its ink fills. */

import { boundingBox } from './crop.js';
import { FAINT } from './ink.js';
import { largestOf } from './numpy.js';
import { imageFromPicture } from './picture.js';
import { BOX } from './resample.js';

const SIDE = 8;

/**
 * An image [C, H, W], ink 1 on paper 0, as [1, 8, 8]: the smallest square around the ink, shrunk. In
 * an image with colours the paper is white. The darkest pixel becomes 1, as in the bundled digits. Null
 * if there is no ink.
 */
export function smallDigit(image) {
  const [channels, height, width] = image.shape;
  if (channels === 1 && height === SIDE && width === SIDE) return image;
  const ink = { data: inkOf(image), width, height };
  const darkest = largestOf(ink.data);
  if (darkest === 0) return null;
  const square = squareAround(boundingBox(ink, FAINT * darkest), ink);
  // The bundled digits count the ink in blocks of pixels, too.
  const { shape, data } = imageFromPicture(square, [1, SIDE, SIDE], BOX);
  const most = largestOf(data);
  return { shape, data: data.map((a) => a / most) };
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

/** A square with the ink in its middle, as the picture {data, width, height} of picture.js. */
function squareAround({ top, bottom, left, right }, { data: ink, width, height }) {
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
