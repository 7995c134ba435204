/** The lines from a number to the numbers of the layer before from which it was computed. */

import { inputBlock } from '../network/receptive.js';
import { find, makeSvg } from './dom.js';

const MOST_WIRES = 24;

/**
 * Draw over the page what the number at a place of layer `number` is computed from.
 *
 * screenBox is that of watch.js. input: the value that the layer gets.
 */
export function drawWires(svg, { layer, number, place, input, screenBox }) {
  const main = find('panels').parentElement.getBoundingClientRect();
  const onMain = (box) => box && { ...box, x: box.x - main.left, y: box.y - main.top };
  const [unit, i = 0, j = 0] = place;
  const target = onMain(screenBox(number, unit, [i, i], [j, j]));
  const parts = [];
  if (target) {
    for (const { box, className } of sourcesOf(layer, number, place, input, screenBox)) {
      const source = onMain(box);
      parts.push(
        makeSvg('rect', { ...source, class: className }),
        makeWire(source, target, className),
      );
    }
    parts.push(makeSvg('rect', { ...target, class: 'target' }));
  }
  svg.replaceChildren(...parts);
}

/** The boxes of what a number is computed from; of a dense layer the largest products. */
function sourcesOf(layer, number, place, input, screenBox) {
  const found =
    layer.kind === 'linear' ? largestProducts(layer, place, input) : ofBlock(layer, place, input);
  return found
    .map(({ unit, rows, columns, className = '' }) => ({
      box: screenBox(number - 1, unit, rows, columns),
      className,
    }))
    .filter(({ box }) => box)
    .slice(0, MOST_WIRES);
}

function ofBlock(layer, place, input) {
  const [[first, last], rows, columns] = inputBlock(
    layer,
    input.shape,
    place.map((at) => [at, at]),
  );
  if (rows && (rows[1] < rows[0] || columns[1] < columns[0])) return [];
  return Array.from({ length: last - first + 1 }, (_, k) => ({ unit: first + k, rows, columns }));
}

function largestProducts({ weight }, [o], input) {
  const inputs = input.data.length;
  const products = Array.from(input.data, (value, k) => value * weight.data[o * inputs + k]);
  const order = products
    .map((_, k) => k)
    .sort((a, b) => Math.abs(products[b]) - Math.abs(products[a]));
  return order
    .slice(0, MOST_WIRES)
    .filter((k) => products[k] !== 0)
    .map((k) => ({ unit: k, className: products[k] < 0 ? 'negative' : 'positive' }));
}

/** A curve from the middle of one box to the middle of another. */
function makeWire(source, target, className) {
  const [x1, y1] = [source.x + source.width / 2, source.y + source.height];
  const [x2, y2] = [target.x + target.width / 2, target.y];
  const bend = Math.min(60, Math.abs(y2 - y1) / 2 + 10);
  const d = `M${x1},${y1} C${x1},${y1 + bend} ${x2},${y2 - bend} ${x2},${y2}`;
  return makeSvg('path', { d, class: className });
}
