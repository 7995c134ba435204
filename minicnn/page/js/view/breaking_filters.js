/** The kernels of a convolution that reads the image, as small pictures. */

import { drawImage, drawMap, scaleOf } from './colours.js';

/** The first convolution whose kernels can be drawn: it reads a grey or a colour image. */
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
  const length = channels * height * width;
  const numbers = weight.data.subarray(unit * length, (unit + 1) * length);
  const { reach } = scale ?? scaleOf(numbers);
  if (channels === 1) {
    drawMap(canvas, numbers, height, width, { isSigned: true, reach });
    return;
  }
  const data = numbers.map((value) => 0.5 + value / (2 * reach));
  drawImage(canvas, { shape: [channels, height, width], data });
}
