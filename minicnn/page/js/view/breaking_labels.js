/** Names at the lines of a chart, where they do not cover each other. */

import { makeSvg } from './dom.js';

const LETTER = 7; // pixels, about the width of one
const LINE = 14; // pixels
const TOP = 6;
const MOST_LETTERS = 18; // of a name

/**
 * A text for each line {name, xs, ys, colour, isOwn}, near where it is highest. places: {toX, toY} of
 * the chart. A line without room for its name has no text.
 */
export function placeLabels(lines, { toX, toY }, width) {
  const taken = [];
  // The most important line chooses its place first.
  const shortened = lines.map((line) => ({ ...line, name: shorten(line.name) }));
  return shortened.reverse().flatMap((line) => {
    const box = findPlace(line, { toX, toY }, width, taken);
    if (!box) return [];
    taken.push(box);
    const style = { x: box.x, y: box.y + LINE - 3, 'text-anchor': 'middle', class: 'line-name' };
    const label = makeSvg('text', style, line.name);
    label.style.fill = `color-mix(in srgb, ${line.colour} 75%, var(--ink))`;
    if (line.isOwn) label.style.fontWeight = 700;
    return [label];
  });
}

function shorten(name) {
  const letters = Array.from(name);
  return letters.length > MOST_LETTERS ? `${letters.slice(0, MOST_LETTERS - 1).join('')}…` : name;
}

function findPlace({ name, xs, ys }, { toX, toY }, width, taken) {
  const half = (name.length * LETTER) / 2 + 3;
  for (const at of fromPeak(ys)) {
    const x = Math.min(Math.max(toX(xs[at]), 44 + half), width - 10 - half);
    for (const y of [toY(ys[at]) - LINE - 4, toY(ys[at]) + 5]) {
      const box = { x, y, half };
      const fits = y >= TOP - LINE && !taken.some((other) => overlap(box, other));
      if (fits && ys[at] >= 0.03) return box;
    }
  }
  return null;
}

/** The positions by how good they are for a name: high ones first, of a plateau its middle. */
function fromPeak(ys) {
  const level = ys.map((y) => Math.round(20 * y));
  const middle = level.map((value, at) => {
    let [first, last] = [at, at];
    while (level[first - 1] === value) first -= 1;
    while (level[last + 1] === value) last += 1;
    return Math.abs(at - (first + last) / 2);
  });
  const order = ys.map((_, at) => at);
  return order.sort((a, b) => level[b] - level[a] || middle[a] - middle[b]);
}

function overlap(a, b) {
  return Math.abs(a.x - b.x) < a.half + b.half && Math.abs(a.y - b.y) < LINE;
}
