/** A bar for the probability of a class, in a list. */

import { make } from './dom.js';
import { percent } from './numbers.js';

/** Returns { element, show(share, isBest) }; a share that is not a number has no bar. */
export function makeBar(name) {
  const element = make('li');
  const bar = make('span', '', { class: 'bar' });
  const text = make('span', '', { class: 'share' });
  element.append(make('span', name, { class: 'name', title: name }), bar, text);
  return {
    element,
    show(share, isBest) {
      const isNumber = Number.isFinite(share);
      element.classList.toggle('best', isBest);
      bar.style.setProperty('--share', isNumber ? share : 0);
      text.textContent = isNumber ? percent(share) : '–';
    },
  };
}
