/** The probability of each class over the whole range of one slider. */

import { changesOf, distort } from '../network/distort.js';
import { bestOf } from '../network/run.js';
import { formatAmount, describeAmount } from './breaking_axes.js';
import { placeLabels } from './breaking_labels.js';
import { makeSlices } from './slices.js';
import { COLOURS, drawChart } from './chart.js';
import { make, makeSvg, setText } from './dom.js';
import { TEXT } from './text.js';

const LEAST_SHARE = 0.1; // of a class that has a line of its own
const MOST_LINES = 6;
const MOST_CHANGES = 2; // are named after the first one
const COARSE = 4; // every fourth position is computed first
const HEIGHT = 260; // pixels
const QUIET = 300; // milliseconds without a change, before it is said what the curve shows

/**
 * Returns { element, follow({ axis, settings, seed }), stop(), shares }. follow() draws the curve
 * for the slider `axis` while the others stay at their settings, and marks its own setting.
 * shares holds the probabilities at each position, undefined where they are not computed yet.
 */
export function makeCurve(stage) {
  const heading = make('h3');
  const svg = makeSvg('svg', { class: 'chart', role: 'img' });
  const sentence = make('p', '', { role: 'status', 'aria-live': 'polite', class: 'finding' });
  const element = make('div', '', { class: 'curve' });
  element.append(heading, sentence, svg);
  const slices = makeSlices();
  const curve = { element, follow, stop, shares: [] };
  let shown = null;
  let key = '';
  let image = null;
  let timer = 0;

  function follow(wanted) {
    const before = key;
    key = keyOf(wanted, stage);
    shown = wanted;
    if (key === before && image === stage.image) {
      draw();
      return;
    }
    image = stage.image;
    heading.textContent = TEXT.breaking.curve(TEXT.breaking.axes[wanted.axis.name]);
    curve.shares = [];
    clearTimeout(timer);
    slices.run(compute(wanted), (isDone) => {
      draw();
      if (isDone) timer = setTimeout(say, QUIET);
    });
  }

  function* compute({ axis, settings, seed }) {
    const { name, values } = axis;
    for (const isFirst of [true, false]) {
      for (let at = 0; at < values.length; at += 1) {
        if ((at % COARSE === 0) !== isFirst) continue;
        const amounts = { ...settings, [name]: values[at] };
        curve.shares[at] = stage.answer(distort(image, amounts, seed));
        yield;
      }
    }
  }

  function draw() {
    const width = svg.clientWidth;
    if (width) drawCurve(svg, width, { ...shown, shares: curve.shares, stage });
  }

  function say() {
    const text = describe(stage, shown.axis, curve.shares);
    setText(sentence, text);
    svg.setAttribute('aria-label', TEXT.breaking.curveLabel(text));
  }

  function stop() {
    slices.stop();
    clearTimeout(timer);
    key = '';
  }

  new ResizeObserver(() => shown && key && draw()).observe(element);
  return curve;
}

/** What the curve depends on, besides the image: not the setting of its own slider. */
function keyOf({ axis, settings, seed }, { off }) {
  return JSON.stringify([axis.name, { ...settings, [axis.name]: null }, seed, [...off].sort()]);
}

function drawCurve(svg, width, { axis, settings, shares, stage }) {
  const done = axis.values.flatMap((_, at) => (shares[at] ? [at] : []));
  const xs = done.map((at) => axis.values[at]);
  const own = bestOf(stage.probabilities());
  const lines = chooseClasses(
    done.map((at) => shares[at]),
    own,
  ).map((k) => ({
    name: stage.classes[k],
    xs,
    ys: done.map((at) => shares[at][k]),
    colour: k === own ? 'currentColor' : strong(COLOURS[k % COLOURS.length]),
    dash: k === own ? undefined : DASHES[Math.floor(k / COLOURS.length) % DASHES.length],
    width: k === own ? 3.5 : 1.8,
    isOwn: k === own,
  }));
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => axis.low + share * (axis.high - axis.low));
  const places = drawChart(svg, {
    width,
    height: HEIGHT,
    lines,
    x: { low: axis.low, high: axis.high, ticks, format: (x) => formatAmount(axis, x).split(' ')[0], label: TEXT.breaking.axisTitles[axis.name] },
    y: { low: 0, high: 1, ticks: [0, 0.5, 1], format: (share) => `${100 * share}%` },
    marker: settings[axis.name],
  }); // prettier-ignore
  svg.append(...placeLabels(lines, places, width));
}

/** A colour nearer to that of the text: yellow and light blue are faint on white. */
function strong(colour) {
  return `color-mix(in srgb, ${colour} 80%, var(--ink))`;
}

const DASHES = [undefined, '7 3', '2 3'];

/** The classes that are worth a line: the answer, and those that become likely somewhere. */
function chooseClasses(shares, own) {
  if (!shares.length) return [];
  const peaks = shares[0].map((_, k) => Math.max(...shares.map((each) => each[k])));
  const others = peaks
    .map((_, k) => k)
    .filter((k) => k !== own && peaks[k] >= LEAST_SHARE)
    .sort((a, b) => peaks[b] - peaks[a])
    .slice(0, MOST_LINES - 1);
  return [...others.sort((a, b) => a - b), own]; // the answer lies on top
}

/** Where the answer changes, in words. */
function describe({ classes }, axis, shares) {
  const answers = shares.map(bestOf);
  const { before, after } = changesOf(answers, axis.start);
  const name = classes[answers[axis.start]];
  const text = TEXT.breaking;
  if (!before.length && !after.length) return text.stays(name);
  const sides = [after, before].filter((found) => found.length);
  const sentences = sides.map((found) => {
    const [nearest, ...others] = found;
    const place = describeAmount(axis, axis.values[nearest.at]);
    const next = others
      .slice(0, MOST_CHANGES)
      .map(({ answer }) => text.nextChange(classes[answer]));
    const more = others.length > MOST_CHANGES ? text.moreChanges : '';
    return `${text.firstChange(place, classes[nearest.answer])}${next.join('')}${more}.`;
  });
  return [text.starts(formatAmount(axis, axis.values[axis.start]), name), ...sentences].join(' ');
}
