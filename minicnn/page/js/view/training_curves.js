/** The curves of the current run of training and of those before it, and a table that names them. */

import { COLOURS, drawChart } from './chart.js';
import { make, makeFigure, makeSvg } from './dom.js';
import { format, percent } from './numbers.js';
import { TEXT } from './text.js';
import { describeRun, smoothLosses } from './training_report.js';

const HEIGHT = 210;
const MOST_POINTS = 160; // of a line
const ENDS = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 50, 75, 100]; // epochs at which the axis may end
const TOPS = [2.5, 5, 10]; // losses at which the axis may end
const STYLES = [
  { colour: COLOURS[1], width: 2.4 },
  { colour: COLOURS[0], width: 1.6, dash: '7 3' },
  { colour: COLOURS[2], width: 1.6, dash: '2 3' },
  { colour: COLOURS[3], width: 1.6, dash: '9 3 2 3' },
];

/** Returns {element, show(runs)}; the current run is the first. */
export function buildCurves() {
  const text = TEXT.training;
  const element = make('div', '', { class: 'training-curves' });
  const charts = make('div', '', { class: 'training-charts' });
  const loss = makeChart(text.lossTitle, text.lossLabel);
  const accuracy = makeChart(text.accuracyTitle, text.accuracyLabel);
  const clipped = make('p', text.clipped(TOPS.at(-1)), { class: 'soft small' });
  const table = makeTable();
  loss.element.append(clipped);
  charts.append(loss.element, accuracy.element);
  element.append(charts, table.element, make('p', text.compare, { class: 'soft small' }));

  return {
    element,
    show(runs) {
      const lines = runs.map(({ trainer }, n) => linesOf(trainer, STYLES[n]));
      const longest = Math.max(...runs.map(({ trainer }) => trainer.epochs));
      const x = axisOfEpochs(longest);
      const highest = Math.max(0, ...lines.flatMap(({ smooth }) => smooth.ys));
      const top = TOPS.find((end) => highest <= end) ?? TOPS.at(-1);
      clipped.hidden = highest <= top;
      // Those before lie below the current run.
      const [now, ...before] = lines;
      const earlier = before.reverse();
      draw(loss, [...earlier.map(({ smooth }) => smooth), now.raw, now.smooth], x, {
        ...axis(top, top / 5),
        format: (tick) => String(Number(tick.toFixed(1))),
      });
      draw(
        accuracy,
        [...earlier, now].map(({ tests }) => tests),
        x,
        {
          ...axis(1, 0.2),
          format: (tick) => `${Math.round(100 * tick)}%`,
        },
      );
      table.show(runs);
    },
  };
}

function makeChart(title, label) {
  const svg = makeSvg('svg', { class: 'chart', role: 'img', 'aria-label': label });
  return { element: makeFigure(title, svg), svg };
}

function draw({ svg }, lines, x, y) {
  drawChart(svg, { width: svg.clientWidth || 400, height: HEIGHT, lines, x, y });
}

/** The lines of one run: each loss, their mean, and the tests. */
function linesOf({ losses, tests, stepsPerEpoch }, style) {
  const finite = losses.filter(Number.isFinite);
  const places = finite.map((_, n) => (n + 1) / stepsPerEpoch);
  const { colour } = style;
  return {
    raw: { ...thin(places, finite), colour: `${colour}66`, width: 1 },
    smooth: { ...thin(places, smoothLosses(finite)), ...style },
    tests: { ...thin(tests.map(([place]) => place), tests.map(([, share]) => share)), ...style },
  }; // prettier-ignore
}

/** A line with fewer points: each is the mean of some that follow each other. */
function thin(xs, ys) {
  const each = Math.ceil(xs.length / MOST_POINTS) || 1;
  const mean = (list, n) => {
    const some = list.slice(n * each, (n + 1) * each);
    return some.reduce((a, b) => a + b, 0) / some.length;
  };
  const points = Array.from({ length: Math.ceil(xs.length / each) }, (_, n) => n);
  return { xs: points.map((n) => mean(xs, n)), ys: points.map((n) => mean(ys, n)) };
}

function axis(high, step) {
  const count = Math.round(high / step);
  return { low: 0, high, ticks: Array.from({ length: count + 1 }, (_, n) => n * step) };
}

function axisOfEpochs(longest) {
  const high = ENDS.find((end) => longest <= end) ?? 100 * Math.ceil(longest / 100);
  const step = [0.25, 0.5, 1, 2, 5, 10, 20, 25].find((n) => high / n <= 6) ?? high / 5;
  return { ...axis(high, step), label: TEXT.training.epochs };
}

/** The runs by name, each with a piece of its line. */
function makeTable() {
  const text = TEXT.training;
  const element = make('table', '', { class: 'training-runs' });
  const head = make('tr');
  head.append(...text.columns.map((name) => make('th', name, { scope: 'col' })));
  const [top, body] = [make('thead'), make('tbody')];
  top.append(head);
  element.append(make('caption', text.runs, { class: 'hidden-text' }), top, body);
  let written = '';

  function rowOf(run, n) {
    const { trainer } = run;
    const { tests, losses, epochs } = trainer;
    const name = n === 0 ? text.currentRun(describeRun(run)) : describeRun(run);
    return [
      name,
      epochs.toFixed(2),
      losses.length ? format(smoothLosses(losses.slice(-60)).at(-1)) : '–',
      tests.length ? percent(tests.at(-1)[1]) : '–',
    ];
  }

  function makeRow([name, ...numbers], n) {
    const row = make('tr');
    const cell = make('th', '', { scope: 'row' });
    const { colour, width, dash } = STYLES[n];
    const swatch = makeSvg('svg', { width: 34, height: 8, 'aria-hidden': 'true' });
    const stroke = { stroke: colour, 'stroke-width': width, 'stroke-dasharray': dash };
    swatch.append(makeSvg('line', { x1: 0, x2: 34, y1: 4, y2: 4, ...stroke }));
    cell.append(swatch, make('span', name));
    row.append(cell, ...numbers.map((number) => make('td', number)));
    return row;
  }

  return {
    element,
    show(runs) {
      const rows = runs.map(rowOf);
      if (written === String(rows)) return;
      written = String(rows);
      body.replaceChildren(...rows.map(makeRow));
    },
  };
}
