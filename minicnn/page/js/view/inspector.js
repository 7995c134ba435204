/** The part of the page that shows how one number was computed. */

import { colourOf, inkOn, scaleOf } from './colours.js';
import { make } from './dom.js';
import { format, formatCell } from './numbers.js';
import { TEXT } from './text.js';

const MOST_COLUMNS = 11; // of a grid with its numbers written in; larger ones have colours only
const FEW_COLUMNS = 3; // their numbers are written larger
const SIGNS = { kernel: '×', products: '=' };

/** The elements that show an explanation of explain.js. */
export function showExplanation({ kind, grids, terms, result }, layer) {
  const rule = make('p', TEXT.watch.rule(kind, layer), { class: 'rule' });
  const rows = byChannel(grids).map(showRow);
  return [rule, ...rows, showTerms(terms, result)];
}

/** The grids of one channel stand in one row: patch × kernel = products. */
function byChannel(grids) {
  const rows = new Map();
  grids.forEach((grid) => rows.set(grid.channel, [...(rows.get(grid.channel) ?? []), grid]));
  return [...rows.values()];
}

function showRow(grids) {
  const row = make('div', '', { class: 'grid-row' });
  grids.forEach((grid) => {
    // A sign stays with its grid where the row is broken.
    const part = make('div', '', { class: 'grid-part' });
    if (SIGNS[grid.name]) part.append(make('span', SIGNS[grid.name], { class: 'sign' }));
    part.append(showGrid(grid));
    row.append(part);
  });
  return row;
}

function showGrid({ name, values, rows, columns, padding = [], marked = -1, channel, signed }) {
  const isLarge = columns > MOST_COLUMNS;
  const size = isLarge ? ' large' : columns <= FEW_COLUMNS ? ' roomy' : '';
  const table = make('table', '', { class: `numbers${size}` });
  table.append(make('caption', TEXT.watch.grids[name](channel)));
  const scale = signed ? { ...scaleOf(values), isSigned: true } : scaleOf(values);
  const body = make('tbody');
  for (let i = 0; i < rows; i += 1) {
    const line = make('tr');
    for (let j = 0; j < columns; j += 1) {
      const at = i * columns + j;
      line.append(showCell(values[at], scale, isLarge, padding[at], at === marked));
    }
    body.append(line);
  }
  table.append(body);
  return table;
}

function showCell(value, scale, isLarge, isPadding, isMarked) {
  const cell = make('td', isLarge ? '' : formatCell(value), { title: format(value, 6) });
  const colour = colourOf(value, scale);
  cell.style.background = `rgb(${colour.map(Math.round).join(' ')})`;
  cell.style.color = inkOn(colour);
  if (isPadding) cell.classList.add('padding');
  if (isMarked) cell.classList.add('marked');
  return cell;
}

/** The terms below each other, and what comes of them. */
function showTerms(terms, result) {
  const table = make('table', '', { class: 'terms' });
  const body = make('tbody');
  terms.forEach((term) =>
    body.append(showTerm(TEXT.watch.terms[term.name](term, format), term.value)),
  );
  body.append(showTerm(TEXT.watch.result, result, 'result'));
  table.append(body);
  return table;
}

function showTerm(label, value, className) {
  const line = make('tr', '', { class: className });
  line.append(make('th', label, { scope: 'row' }), make('td', format(value, 6)));
  return line;
}
