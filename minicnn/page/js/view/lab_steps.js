/** The arithmetic of the window lab: the output size step by step, and one place computed by hand. */

import { isPadding } from '../network/window_lab.js';
import { make, makeFigure } from './dom.js';
import { formatTidy, makeGrid, scaleUnder } from './lab_grid.js';
import { TEXT } from './text.js';

const MOST_SUMMANDS = 9; // that are written out

/** The output size of a plan as lines, from the formula to the number. */
export function explainSize({ size, padding, dilation, kernel, stride, span }) {
  const room = size + 2 * padding - span;
  const share = room / stride;
  const lines = [
    '⌊(H + 2P − D(K − 1) − 1) / S⌋ + 1',
    `⌊(${size} + 2·${padding} − ${dilation}·(${kernel} − 1) − 1) / ${stride}⌋ + 1`,
    `⌊${room} / ${stride}⌋ + 1`,
    `${Math.floor(share)} + 1`,
    `${Math.floor(share) + 1}`,
  ];
  if (!Number.isInteger(share)) lines.splice(3, 0, `⌊${formatTidy(share, 3)}⌋ + 1`);
  return lines;
}

/** The lines of a formula below each other. */
export function makeFormula() {
  const element = make('div', '', { class: 'lab-formula' });
  return {
    element,
    show(plan) {
      element.replaceChildren(
        make('span', TEXT.lab.outputSize),
        ...explainSize(plan).map((line) => make('span', `= ${line}`)),
      );
    },
  };
}

/** What the window computes at its place. Returns { element, show(found) }. */
export function makeComputation() {
  const element = make('div', '', { class: 'lab-computation' });
  const patch = makeGrid('lab-patch');
  const weights = makeGrid('lab-weights');
  const products = makeGrid('lab-products');
  const lines = make('dl');
  const grids = make('div', '', { class: 'lab-product' });
  grids.append(
    makeFactor('', TEXT.lab.patch, patch),
    makeFactor('×', TEXT.lab.weights, weights),
    makeFactor('=', TEXT.lab.products, products),
  );
  element.append(grids, lines);

  function show(found) {
    const { plan, places, values, largest, smallest } = found;
    const rows = plan.kernel;
    const shape = { rows, columns: rows };
    grids.classList.toggle('wide', rows > 3);
    const isOutside = (tap) => placeOf(plan, places[tap]).some((at) => isPadding(plan, at));
    patch.draw({ ...shape, label: TEXT.lab.patch, values, hatched: isOutside });
    const winner = (tap, kind) => ({ row: Math.floor(tap / rows), column: tap % rows, kind });
    patch.mark([winner(largest, 'largest'), winner(smallest, 'smallest')]);
    weights.draw({ ...shape, label: TEXT.lab.weights, values: found.weights });
    products.draw({
      ...shape,
      label: TEXT.lab.products,
      values: found.products,
      scale: scaleUnder(found.weights, found.products),
    });
    lines.replaceChildren(
      ...makeLine('max', TEXT.lab.winner(formatTidy(found.max, 4), nameOf(plan, places[largest]))),
      ...makeLine('min', TEXT.lab.winner(formatTidy(found.min, 4), nameOf(plan, places[smallest]))),
      ...makeLine('mean', explainMean(found)),
      ...makeLine('convolution', explainSum(found.products, found.convolution)),
    );
  }

  return { element, show };
}

function makeFactor(sign, title, grid) {
  const factor = make('div', '', { class: 'factor' });
  factor.append(make('span', sign, { class: 'sign' }), makeFigure(title, grid.element));
  return factor;
}

function makeLine(name, text) {
  const term = make('dt', TEXT.lab.outputs[name], { class: `is-${name}` });
  return [term, make('dd', text)];
}

function placeOf({ padded }, at) {
  return [Math.floor(at / padded), at % padded];
}

/** How to call a pixel of the padded map: by its place in the map, or as padding that copies one. */
function nameOf(plan, at) {
  const place = placeOf(plan, at);
  const isOutside = place.some((i) => isPadding(plan, i));
  const [row, column] = place.map((i) => plan.sources[i]);
  return TEXT.lab.pixelName(row, column, isOutside);
}

function explainMean({ values, sum, mean }) {
  const total = formatTidy(sum, 5);
  const share = `${total} / ${values.length} = ${formatTidy(mean, 4)}`;
  if (values.length > MOST_SUMMANDS) return TEXT.lab.sumOf(values.length, total, share);
  return values.length === 1 ? share : `(${joinSum(values)}) / ${values.length} = ${share}`;
}

function explainSum(products, sum) {
  const total = formatTidy(sum, 5);
  if (products.length > MOST_SUMMANDS) return TEXT.lab.productsOf(products.length, total);
  return products.length === 1 ? total : `${joinSum(products)} = ${total}`;
}

/** 3 + 0 − 2 */
function joinSum(numbers) {
  return numbers
    .map((number, at) => {
      const text = formatTidy(number, 3);
      if (at === 0) return text;
      return text.startsWith('−') ? `− ${text.slice(1)}` : `+ ${text}`;
    })
    .join(' ');
}
