/** All maps of a layer in one canvas, with one pixel for each number, and what lies where. */

import { paintRows, scaleOf } from './colours.js';

const GAP = 1; // pixels of the canvas between two maps
const MAP_SIDE = 84; // pixels of the screen: about the side of a small map,
const MOST_SCALE = 12; // and of a number at most
const UNIT_SIDES = [
  [16, 26],
  [128, 13],
]; // [units of a vector at most, pixels of the screen for each]
const SMALL_UNIT = 8;

/**
 * How the first `count` maps of a value with this shape are laid out in a width of the screen: [C, H, W]
 * as a grid of maps, [K] as one of squares. least: maps that stand next to each other at least.
 * scale: pixels of the screen for each number.
 */
export function layoutOf(shape, count, screenWidth, least = 1) {
  const [, height, width] = shape.length === 3 ? shape : [0, 1, 1];
  const isVector = height * width === 1;
  const gap = isVector ? 0 : GAP;
  const wanted = isVector ? unitSide(count) : Math.round(MAP_SIDE / Math.max(height, width));
  const scale = Math.min(
    Math.max(1, Math.min(wanted, isVector ? wanted : MOST_SCALE)),
    screenWidth / (Math.min(least, count) * (width + gap) - gap),
  );
  const fitting = Math.floor((screenWidth / scale + gap) / (width + gap));
  const columns = Math.min(count, Math.max(1, fitting));
  const rows = Math.ceil(count / columns);
  return {
    count,
    height,
    width,
    columns,
    gap,
    scale,
    rank: shape.length,
    pixelWidth: columns * (width + gap) - gap,
    pixelHeight: rows * (height + gap) - gap,
  };
}

function unitSide(count) {
  return UNIT_SIDES.find(([most]) => count <= most)?.[1] ?? SMALL_UNIT;
}

/** Give a canvas the size of a layout. */
export function fitCanvas(canvas, { pixelWidth, pixelHeight, scale }) {
  canvas.width = pixelWidth;
  canvas.height = pixelHeight;
  canvas.style.width = `${pixelWidth * scale}px`;
  canvas.style.height = `${pixelHeight * scale}px`;
}

/** Draw the maps of a value into a canvas that has the size of its layout. */
export function drawMaps(canvas, layout, value) {
  const { pixelWidth, pixelHeight, height, width, count } = layout;
  const context = canvas.getContext('2d');
  const picture = context.createImageData(pixelWidth, pixelHeight);
  const scale = scaleOf(value.data);
  for (let map = 0; map < count; map += 1) {
    const [left, top] = cornerOf(layout, map);
    const from = map * height * width;
    paintRows(picture, value.data, { scale, width, height, from, left, top });
  }
  context.putImageData(picture, 0, 0);
}

/** The pixel of the canvas at the left top of a map. */
function cornerOf({ columns, height, width, gap }, map) {
  return [(map % columns) * (width + gap), Math.floor(map / columns) * (height + gap)];
}

/** The place [c, i, j] or [k] of the number at pixel (x, y) of the canvas; null in a gap. */
export function placeAt(layout, x, y) {
  const { columns, height, width, gap, count, rank } = layout;
  const column = Math.floor(x / (width + gap));
  const row = Math.floor(y / (height + gap));
  const [i, j] = [y - row * (height + gap), x - column * (width + gap)];
  const map = row * columns + column;
  const isInside = i >= 0 && i < height && j >= 0 && j < width && column < columns;
  if (!isInside || column < 0 || map < 0 || map >= count) return null;
  return rank === 3 ? [map, i, j] : [map];
}

/** The pixels of the canvas that show a block: {x, y, width, height} for one map of it. */
export function canvasBox(layout, map, rows = [0, 0], columns = [0, 0]) {
  const [left, top] = cornerOf(layout, map);
  return {
    x: left + columns[0],
    y: top + rows[0],
    width: columns[1] - columns[0] + 1,
    height: rows[1] - rows[0] + 1,
  };
}
