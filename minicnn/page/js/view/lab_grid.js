/** A map of numbers as squares: padding hatched, unused pixels crossed out, windows outlined. */

import { colourOf, inkOn, scaleOf } from './colours.js';
import { make, makeSvg } from './dom.js';
import { format } from './numbers.js';

const CELL = 40; // units of the drawing
const HATCH = 'h40v40h-40zm0 10l10 -10m-10 30l30 -30m-20 40l30 -30m-10 30l10 -10';
const CROSS = 'm3 3l8 8m18 18l8 8m0 -34l-8 8m-18 18l-8 8'; // leaves the number free
const FONTS = [17, 17, 17, 15, 13, 11, 9.5]; // by the length of the longest number
const LEAST_PIXELS = 21; // of a square whose number can still be read
const LARGEST = 44; // pixels of a square

/** The colours of what a kernel makes: around 0 if it can be negative, even where it is not. */
export function scaleUnder(weights, numbers) {
  const { isSigned, reach } = scaleOf(numbers);
  return { isSigned: isSigned || weights.some((weight) => weight < 0), reach };
}

/** A number as one writes it by hand: 0.1 + 0.2 is 0.3, without the last digits of a float. */
export function formatTidy(value, digits) {
  const text = format(Number(value.toPrecision(12)), digits);
  return text.includes('.') && !text.includes('e') ? text.replace(/\.?0+$/, '') : text;
}

/**
 * Make a grid; draw() fills it, mark() outlines squares. Returns { element, draw, mark }.
 *
 * With an action the grid can be clicked and moved in with the arrow keys: action(row, column).
 */
export function makeGrid(className, action) {
  const svg = makeSvg('svg', { class: 'cells' });
  const element = make('div', '', { class: `lab-grid ${className}` });
  element.append(svg);
  const marks = makeSvg('g', { class: 'marks' });
  let shown = { rows: 1, columns: 1, left: 0 };
  let current = [0, 0];
  let cells = [];

  // Numbers in squares that are too small would be dust.
  new ResizeObserver(showOrHideNumbers).observe(svg);

  function showOrHideNumbers() {
    const across = shown.columns + shown.left;
    svg.classList.toggle('dense', svg.clientWidth / across < LEAST_PIXELS);
  }

  /**
   *   label           what a screen reader calls the grid
   *   rows, columns   and the numbers in `values`, in row order
   *   scale           of the colours; by default that of the numbers
   *   hatched, crossed   tell of each index whether it is padding, or unused
   *   names           of the rows and columns, shown before and above them
   *   describe        the text for one square, for those who point at it or hear it
   */
  function draw({ label, rows, columns, values, scale = scaleOf(values), names, ...signs }) {
    const left = names ? 1 : 0;
    shown = { rows, columns, left };
    const width = (columns + left) * CELL;
    const height = (rows + left) * CELL;
    const origin = -left * CELL;
    svg.setAttribute('viewBox', `${origin - 2} ${origin - 2} ${width + 4} ${height + 4}`);
    svg.setAttribute('aria-label', label);
    element.style.width = `${(columns + left) * LARGEST}px`;
    const texts = values.map((value) => formatTidy(value, 3));
    svg.style.fontSize = `${FONTS[Math.min(6, Math.max(...texts.map((text) => text.length)))]}px`;
    cells = values.map((value, at) => makeCell(at, texts[at], colourOf(value, scale), signs));
    const lines = Array.from({ length: rows }, (_, row) => {
      const line = makeSvg('g', { role: action ? 'row' : undefined });
      line.append(...cells.slice(row * columns, (row + 1) * columns));
      return line;
    });
    const { hatched, crossed } = signs;
    svg.replaceChildren(
      makeSigns('hatch', hatched, HATCH),
      ...lines,
      makeSigns('cross', crossed, CROSS),
      ...makeNames(names),
      marks,
    );
    showOrHideNumbers();
  }

  function cornerOf(at) {
    return [(at % shown.columns) * CELL, Math.floor(at / shown.columns) * CELL];
  }

  function makeCell(at, text, colour, { hatched, describe }) {
    const [x, y] = cornerOf(at);
    // Padding is a smaller square on a hatched one.
    const inset = hatched?.(at) ? 7 : 0.5;
    const side = CELL - 2 * inset;
    const cell = makeSvg('g', action ? { role: 'gridcell' } : {});
    const fill = `rgb(${colour.map(Math.round).join(' ')})`;
    cell.append(
      makeSvg('rect', { x: x + inset, y: y + inset, width: side, height: side, fill }),
      makeSvg('text', { x: x + CELL / 2, y: y + CELL / 2, fill: inkOn(colour) }, text),
    );
    if (describe) cell.append(makeSvg('title', {}, describe(at)));
    return cell;
  }

  /** One path for all squares that carry a sign: there may be hundreds. */
  function makeSigns(name, isMarked, sign) {
    const places = cells.map((_, at) => at).filter((at) => isMarked?.(at));
    const d = places.map((at) => `M${cornerOf(at).join(' ')}${sign}`).join('');
    return makeSvg('path', { class: name, d });
  }

  function makeNames(names = []) {
    return names.flatMap((name, at) => {
      const middle = at * CELL + CELL / 2;
      return [
        makeSvg('text', { class: 'name', x: middle, y: -CELL / 2 }, name),
        makeSvg('text', { class: 'name', x: -CELL / 2, y: middle }, name),
      ];
    });
  }

  /** Outline areas {row, column, rows, columns, kind}, and move to a place. */
  function mark(areas, place) {
    marks.replaceChildren(
      ...areas.map(({ row, column, rows = 1, columns = 1, kind }) =>
        makeSvg('rect', {
          class: kind,
          x: column * CELL,
          y: row * CELL,
          width: columns * CELL,
          height: rows * CELL,
        }),
      ),
    );
    if (!place || !action) return;
    cells[current[0] * shown.columns + current[1]]?.removeAttribute('id');
    current = place;
    const cell = cells[place[0] * shown.columns + place[1]];
    cell.id = `${className}-place`;
    svg.setAttribute('aria-activedescendant', cell.id);
  }

  if (action) acceptMoves();
  else svg.setAttribute('role', 'img');

  function acceptMoves() {
    svg.setAttribute('role', 'grid');
    svg.setAttribute('tabindex', 0);
    svg.addEventListener('click', (event) => {
      const box = svg.getBoundingClientRect();
      const column = Math.floor(((event.clientX - box.left) / box.width) * shown.columns);
      const row = Math.floor(((event.clientY - box.top) / box.height) * shown.rows);
      moveTo(row, column);
    });
    svg.addEventListener('keydown', (event) => {
      const [row, column] = current;
      const targets = {
        ArrowUp: [row - 1, column],
        ArrowDown: [row + 1, column],
        ArrowLeft: [row, column - 1],
        ArrowRight: [row, column + 1],
        Home: [row, 0],
        End: [row, shown.columns - 1],
      };
      if (!targets[event.key]) return;
      event.preventDefault();
      moveTo(...targets[event.key]);
    });
  }

  function moveTo(row, column) {
    const within = (at, count) => Math.min(Math.max(at, 0), count - 1);
    action(within(row, shown.rows), within(column, shown.columns));
  }

  return { element, svg, draw, mark };
}
