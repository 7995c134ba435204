/** The filters of the network that learns, and under each filter the map that it makes. */

import { mapOf } from '../network/values.js';
import { drawMap, scaleOf } from './colours.js';
import { make } from './dom.js';
import { format } from './numbers.js';
import { TEXT } from './text.js';

// The layers whose outputs are shown, with the convolution first.
const BLOCKS = [
  { convolution: 0, title: 'first' },
  { convolution: 3, title: 'second' },
];

/** Returns {element, show(layers, outputs)}; without outputs only the filters are shown. */
export function buildMaps() {
  const text = TEXT.training;
  const element = make('div', '', { class: 'training-maps' });
  const blocks = BLOCKS.map(({ convolution, title }) => {
    const block = make('section');
    const rows = text.mapRows.map(makeRow);
    block.append(make('h3', text.convolutions[title]), ...rows.map((row) => row.element));
    element.append(block);
    return { convolution, rows };
  });
  const legend = make('p', text.colours, { class: 'soft small' });
  const whole = make('div');
  whole.append(element, legend);

  return {
    element: whole,
    show(layers, outputs) {
      for (const { convolution, rows } of blocks) {
        const { weight } = layers[convolution];
        const activation = text.activations[layers[convolution + 1].kind];
        rows[0].show(filtersOf(weight), true);
        rows.slice(1).forEach((row, n) => {
          row.element.hidden = !outputs;
          if (outputs) row.show(outputs[convolution + 1 + n], n === 0, activation);
        });
      }
    },
  };
}

/** Filters [O, C, KH, KW] as small maps, input by input: those of one filter stand in one column. */
function filtersOf({ shape: [outputs, inputs, height, width], data }) {
  const pixels = height * width;
  const sorted = new Float32Array(data.length);
  for (let o = 0; o < outputs; o += 1) {
    for (let c = 0; c < inputs; c += 1) {
      const from = (o * inputs + c) * pixels;
      sorted.set(data.subarray(from, from + pixels), (c * outputs + o) * pixels);
    }
  }
  return { shape: [inputs * outputs, height, width], data: sorted, columns: outputs };
}

/** A row of maps, all on one scale. */
function makeRow(label) {
  const element = make('div', '', { class: 'training-row' });
  const [title, range] = [make('span'), make('span', '', { class: 'soft' })];
  const heading = make('p', '', { class: 'small' });
  const grid = make('div', '', { role: 'img' });
  heading.append(title, range);
  element.append(heading, grid);

  function show({ shape, data, columns = shape[0] }, isSigned, activation) {
    const [count, height, width] = shape;
    if (grid.childElementCount !== count) {
      grid.style.setProperty('--columns', columns);
      grid.replaceChildren(...Array.from({ length: count }, () => make('canvas')));
    }
    const found = scaleOf(data);
    const scale = { isSigned: isSigned || found.isSigned, reach: found.reach };
    [...grid.children].forEach((canvas, n) => {
      drawMap(canvas, mapOf({ shape, data }, n), height, width, scale);
    });
    title.textContent = label(`${height}×${width}`, activation);
    range.textContent = rangeText(scale, data);
    grid.setAttribute('aria-label', `${title.textContent}, ${range.textContent}`);
  }

  return { element, show };
}

function rangeText({ isSigned, reach }, data) {
  if (data.every((number) => number === 0)) return TEXT.training.allZero;
  return isSigned ? `±${format(reach, 2)}` : `0 – ${format(reach, 2)}`;
}
