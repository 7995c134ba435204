/** A small line chart as SVG. */

import { makeSvg } from './dom.js';

// Okabe and Ito's colours, which people with every kind of colour vision can tell apart; the purple
// is a little darker, so that each of the first four has a contrast of 3 on the page.
export const COLOURS = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#c0699b',
  '#e69f00',
  '#56b4e9',
  '#999999',
];

const LEFT = 40;
const BOTTOM = 30;
const TOP = 8;
const RIGHT = 10;

/**
 * Draw lines {name, xs, ys, colour, width, dash} into an svg element with a size {width, height}.
 *
 *   x, y      {low, high, ticks: [numbers], format, label} of the two axes
 *   marker    an x at which a vertical line stands
 *
 * Returns { toX, toY }: where numbers lie in the drawing.
 */
export function drawChart(svg, { width, height, lines, x, y, marker }) {
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  const toX = makeScale(x, LEFT, width - RIGHT);
  const toY = makeScale(y, height - BOTTOM, TOP);
  const parts = [];
  y.ticks.forEach((tick) => {
    const at = toY(tick);
    parts.push(makeSvg('line', { class: 'grid', x1: LEFT, x2: width - RIGHT, y1: at, y2: at }));
    parts.push(makeSvg('text', { x: LEFT - 5, y: at + 4, 'text-anchor': 'end' }, textOf(y, tick)));
  });
  x.ticks.forEach((tick) => {
    const at = toX(tick);
    const bottom = height - BOTTOM;
    parts.push(makeSvg('line', { class: 'grid', x1: at, x2: at, y1: bottom, y2: bottom + 4 }));
    const style = { x: at, y: bottom + 15, 'text-anchor': 'middle' };
    parts.push(makeSvg('text', style, textOf(x, tick)));
  });
  if (x.label) {
    const style = { x: (LEFT + width - RIGHT) / 2, y: height - 2, 'text-anchor': 'middle' };
    parts.push(makeSvg('text', style, x.label));
  }
  lines.forEach(({ xs, ys, colour, width: thickness = 1.8, dash }) => {
    const points = Array.from(
      xs,
      (value, k) => `${toX(value).toFixed(1)},${toY(ys[k]).toFixed(1)}`,
    );
    const style = { fill: 'none', stroke: colour, 'stroke-width': thickness };
    parts.push(
      makeSvg('polyline', { points: points.join(' '), 'stroke-dasharray': dash, ...style }),
    );
  });
  if (marker !== undefined) {
    const at = toX(marker);
    parts.push(makeSvg('line', { class: 'marker', x1: at, x2: at, y1: TOP, y2: height - BOTTOM }));
  }
  svg.replaceChildren(...parts);
  return { toX, toY };
}

/** What maps the numbers of an axis to positions between two pixels; others stay at its ends. */
function makeScale({ low, high }, first, last) {
  const span = high - low || 1;
  return (value) => {
    const share = Number.isFinite(value) ? (value - low) / span : 0;
    return first + Math.min(Math.max(share, 0), 1) * (last - first);
  };
}

function textOf({ format = String }, tick) {
  return format(tick);
}
