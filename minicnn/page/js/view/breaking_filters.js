/** The kernels of a convolution that reads the image, as small pictures. */

import { mapOf } from '../network/values.js';
import { drawImage, drawMap, scaleOf } from './colours.js';

/** The number of the first convolution, -1 if there is none. */
export function firstConvolution(layers) {
  return layers.findIndex(({ kind }) => kind === 'conv2d');
}

/** Whether the kernels of a layer can be drawn: those for one grey or three colour channels. */
export function hasPictures({ kind, weight }) {
  return kind === 'conv2d' && [1, 3].includes(weight.shape[1]);
}

/** Draw the kernel of one unit: signed grey values, or colours around grey, on a scale. */
export function drawFilter(canvas, { weight }, unit, scale) {
  const [, channels, height, width] = weight.shape;
  const numbers = mapOf(weight, unit);
  const { reach } = scale ?? scaleOf(numbers);
  if (channels === 1) {
    drawMap(canvas, numbers, height, width, { isSigned: true, reach });
    return;
  }
  const data = numbers.map((value) => 0.5 + value / (2 * reach));
  drawImage(canvas, { shape: [channels, height, width], data });
}
