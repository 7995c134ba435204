/** The probabilities of the classes before and after a change, as pairs of bars. */

import { make } from './dom.js';
import { percent } from './numbers.js';
import { TEXT } from './text.js';

const MOST_CLASSES = 10;

/**
 * Returns { element, show(before, now, names) } with the probabilities of both; names: how the two
 * columns are called.
 */
export function makeComparison(stage, caption) {
  const table = make('table', '', { class: 'comparison' });

  function show(before, now, names = [TEXT.breaking.before, TEXT.breaking.now]) {
    const head = make('tr', '', { class: 'names' });
    head.append(
      make('th', TEXT.breaking.className, { scope: 'col' }),
      make('td'),
      make('th', names[0], { scope: 'col', class: 'is-before' }),
      make('th', names[1], { scope: 'col', class: 'is-now' }),
    );
    const [bestBefore, bestNow] = [before, now].map((shares) => bestOf(shares));
    const rows = chooseClasses(before, now).map((k) => {
      const row = make('tr');
      const bars = make('td', '', { class: 'pair', 'aria-hidden': 'true' });
      bars.append(makeBar(before[k], 'is-before'), makeBar(now[k], 'is-now'));
      const strong = (isBest) => (isBest ? 'best' : undefined);
      row.append(
        make('th', stage.classes[k], { scope: 'row', class: strong(k === bestNow) }),
        bars,
        make('td', percent(before[k]), { class: strong(k === bestBefore) }),
        make('td', percent(now[k]), { class: strong(k === bestNow) }),
      );
      return row;
    });
    table.replaceChildren(make('caption', caption, { class: 'hidden-text' }), head, ...rows);
  }

  return { element: table, show };
}

function makeBar(share, kind) {
  const bar = make('span', '', { class: `bar ${kind}` });
  bar.style.setProperty('--share', share);
  return bar;
}

/** All classes in their order, or those that are likely in either case. */
function chooseClasses(before, now) {
  const classes = before.map((_, k) => k);
  if (classes.length <= MOST_CLASSES) return classes;
  const highest = (k) => Math.max(before[k], now[k]);
  return classes.sort((a, b) => highest(b) - highest(a)).slice(0, MOST_CLASSES);
}

/** The class with the highest probability; of none, where no score is a number, the first. */
export function bestOf(shares) {
  return Math.max(shares.indexOf(Math.max(...shares)), 0);
}
