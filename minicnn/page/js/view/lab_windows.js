/** The padded map with the window on it, and what pooling and convolution make of it. */

import { computeUnder, isPadding, lookUnder, padMap, slideWindow } from '../network/window_lab.js';
import { scaleOf } from './colours.js';
import { make, makeButton, makeChoice, makeFigure, wantsLessMotion } from './dom.js';
import { formatTidy, makeGrid, scaleUnder } from './lab_grid.js';
import { TEXT } from './text.js';

const OUTPUTS = ['max', 'min', 'mean', 'convolution'];
const PAUSE = 800; // milliseconds at each place

/**
 * Build it. show(plan, data, weights) shows a map of numbers; moved(found) is called with what lies
 * under the window, as computeUnder returns it, whenever that changes. Returns { element, show, stop }.
 */
export function makeWindows(moved) {
  const element = make('div', '', { class: 'lab-windows' });
  const input = makeGrid('lab-input');
  const outputs = OUTPUTS.map((name) => makeGrid(`lab-${name}`, stopAndMove));
  const view = makeChoice(TEXT.lab.view, TEXT.lab.views, 'values', drawInput);
  const where = make('p', '', { class: 'lab-where' });
  const captions = OUTPUTS.map((name) => make('figcaption', TEXT.lab.outputs[name]));
  let shown = null;
  let place = [1, 1]; // a corner often holds zeros only
  let isMoved = false;
  let timer = 0;

  const play = makeButton(TEXT.lab.play, () => (timer ? stop() : start()), { class: 'lab-play' });
  const tools = make('div', '', { class: 'buttons' });
  tools.append(
    play,
    makeButton(TEXT.lab.back, () => stopAndStep(-1), { 'aria-label': TEXT.lab.backLabel }),
    makeButton(TEXT.lab.next, () => stopAndStep(1), { 'aria-label': TEXT.lab.nextLabel }),
  );
  const left = make('div');
  left.append(
    makeFigure(TEXT.lab.padded, input.element),
    make('p', TEXT.lab.legend, { class: 'soft small' }),
    view.element,
  );
  const grids = make('div', '', { class: 'lab-outputs' });
  outputs.forEach((grid, number) => {
    const part = make('figure');
    part.append(captions[number], grid.element);
    grids.append(part);
  });
  const right = make('div');
  right.append(grids, tools, where, make('p', TEXT.lab.keys, { class: 'soft small' }));
  element.append(left, right);

  /** Show a map under a plan that is possible, with the weights of a kernel. */
  function show(plan, data, weights) {
    const map = padMap(plan, data);
    shown = { plan, map, weights };
    place = place.map((at) => Math.min(at, plan.output - 1));
    drawInput();
    drawOutputs(slideWindow(plan, map, weights));
    move(...place);
    play.hidden = wantsLessMotion();
  }

  function drawInput() {
    const { plan, map } = shown;
    const { padded, counts, sources } = plan;
    const rowOf = (at) => Math.floor(at / padded);
    const countOf = (at) => counts[rowOf(at)] * counts[at % padded];
    const isOutside = (at) => isPadding(plan, rowOf(at)) || isPadding(plan, at % padded);
    input.draw({
      label: TEXT.lab.inputLabel(plan),
      rows: padded,
      columns: padded,
      values: view.input.value === 'uses' ? map.map((_, at) => countOf(at)) : map,
      names: sources.map((source) => (source < 0 ? '·' : String(source))),
      hatched: isOutside,
      crossed: (at) => countOf(at) === 0,
      describe: (at) =>
        TEXT.lab.pixel(sources[rowOf(at)], sources[at % padded], isOutside(at), countOf(at)),
    });
    markInput();
  }

  function drawOutputs(found) {
    const { output } = shown.plan;
    // One scale for the three poolings, so that their colours can be compared.
    const pooled = scaleOf(shown.map);
    OUTPUTS.forEach((name, number) => {
      const title = TEXT.lab.outputs[name];
      captions[number].textContent = `${title} ${output}×${output}`;
      outputs[number].draw({
        label: TEXT.lab.outputLabel(title, output),
        rows: output,
        columns: output,
        values: found[name],
        scale: name === 'convolution' ? scaleUnder(shown.weights, found[name]) : pooled,
        describe: (at) =>
          TEXT.lab.place(Math.floor(at / output), at % output, formatTidy(found[name][at], 4)),
      });
    });
  }

  function markInput() {
    const { plan } = shown;
    const { size, padding, stride, span, kernel, dilation } = plan;
    const image = { row: padding, column: padding, rows: size, columns: size, kind: 'image' };
    const [row, column] = place.map((at) => at * stride);
    const frame = { row, column, rows: span, columns: span, kind: 'window' };
    const taps = dilation === 1 ? [] : tapsOf(row, column, kernel, dilation);
    input.mark([image, ...taps, frame]);
  }

  function move(row, column) {
    place = [row, column];
    const { plan, map, weights } = shown;
    markInput();
    outputs.forEach((grid) => grid.mark([{ row, column, kind: 'window' }], place));
    where.textContent = TEXT.lab.where(row, column, plan.stride);
    const under = lookUnder(plan, map, row, column);
    moved({ plan, weights, ...under, ...computeUnder(under.values, weights) });
  }

  /** Move by places in row order; whether there was another one. */
  function step(by) {
    const { output } = shown.plan;
    const next = place[0] * output + place[1] + by;
    if (next < 0 || next >= output * output) return false;
    move(Math.floor(next / output), next % output);
    return true;
  }

  function start() {
    if (!isMoved || !step(1)) move(0, 0);
    isMoved = true;
    where.setAttribute('aria-live', 'off');
    play.textContent = TEXT.lab.pause;
    timer = setInterval(() => step(1) || stop(), PAUSE);
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = TEXT.lab.play;
  }

  function stopAndStep(by) {
    stop();
    isMoved = true;
    where.setAttribute('aria-live', 'polite');
    step(by);
  }

  function stopAndMove(row, column) {
    stop();
    isMoved = true;
    // The grid itself says where one is.
    where.setAttribute('aria-live', 'off');
    move(row, column);
  }

  return { element, show, stop };
}

function tapsOf(row, column, kernel, dilation) {
  return Array.from({ length: kernel * kernel }, (_, tap) => ({
    row: row + dilation * Math.floor(tap / kernel),
    column: column + dilation * (tap % kernel),
    kind: 'tap',
  }));
}
