/** A picture in the size and the channels of a network's images: data.read_image of minicnn here. */

import { BILINEAR, resize } from './resample.js';

/**
 * Pixels {data, width, height} (red, green, blue, 255) as an image of a shape [C, H, W], from 0 to 1:
 * cropped around the centre to the aspect ratio, then scaled.
 */
export function imageFromPicture(pixels, shape, filter = BILINEAR) {
  const [channels, height, width] = shape;
  const planes = channels === 3 ? [0, 1, 2].map((c) => channelOf(pixels, c)) : [greyOf(pixels)];
  const box = cropFor(pixels, width / height);
  const image = new Float32Array(channels * height * width);
  planes.forEach((plane, c) => {
    const { data } = resize(plane, width, height, filter, box);
    for (let at = 0; at < data.length; at += 1) image[c * height * width + at] = data[at] / 255;
  });
  return { shape, data: image };
}

/** The largest part in the middle with an aspect ratio: [left, top, right, bottom]. */
function cropFor({ width, height }, ratio) {
  const isWider = width / height >= ratio;
  const newWidth = isWider && width / height !== ratio ? ratio * height : width;
  const newHeight = isWider ? height : width / ratio;
  const [left, top] = [(width - newWidth) / 2, (height - newHeight) / 2];
  return [left, top, left + newWidth, top + newHeight];
}

/** The grey level of each pixel as Pillow computes it: 0.299 red + 0.587 green + 0.114 blue. */
export function greyOf({ data, width, height }) {
  const grey = new Uint8ClampedArray(width * height);
  for (let at = 0; at < grey.length; at += 1) {
    const from = 4 * at;
    const sum = 19595 * data[from] + 38470 * data[from + 1] + 7471 * data[from + 2];
    grey[at] = (sum + 32768) >> 16;
  }
  return { data: grey, width, height };
}

function channelOf({ data, width, height }, channel) {
  const plane = new Uint8ClampedArray(width * height);
  for (let at = 0; at < plane.length; at += 1) plane[at] = data[4 * at + channel];
  return { data: plane, width, height };
}
