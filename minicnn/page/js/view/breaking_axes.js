/** The sliders that distort an image: how far each goes, and how its amounts are written. */

import { NO_DISTORTION } from '../network/distort.js';
import { format } from './numbers.js';
import { TEXT } from './text.js';

const MOST_STEPS = 20; // of a shift, to each side

/** The axes {name, values, start} for images of this shape; values[start] changes nothing. */
export function axesFor([, height, width]) {
  const thickest = Math.min(Math.max(Math.round(width / 14), 1), 3);
  return [
    makeAxis('right', ...shiftsOf(width)),
    makeAxis('down', ...shiftsOf(height)),
    makeAxis('degrees', -180, 180, 5),
    makeAxis('noise', 0, 0.8, 0.02),
    makeAxis('thickness', -thickest, thickest, thickest / 20),
  ];
}

/** Up to a third of the image to both sides, in half pixels or, in large images, larger steps. */
function shiftsOf(size) {
  const most = Math.max(2, Math.round(0.36 * size));
  const step = Math.max(0.5, Math.ceil((2 * most) / (2 * MOST_STEPS)) / 2);
  const reach = step * Math.floor(most / step);
  return [-reach, reach, step];
}

function makeAxis(name, low, high, step) {
  const count = Math.round((high - low) / step) + 1;
  const values = Array.from({ length: count }, (_, k) => Number((low + k * step).toFixed(4)));
  return { name, values, low, high, step, start: values.indexOf(NO_DISTORTION[name]) };
}

/** An amount with its unit: "−3.5 px". */
export function formatAmount({ name }, value) {
  return `${shorten(value)}${TEXT.breaking.units[name]}`;
}

/** An amount in words: "3.5 px to the left". */
export function describeAmount({ name }, value) {
  return TEXT.breaking.places[name](shorten(Math.abs(value)), value > 0);
}

function shorten(value) {
  return format(Number(value.toFixed(2)), 4)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');
}
