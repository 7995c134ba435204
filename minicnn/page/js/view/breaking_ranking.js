/** Which map or unit of a layer matters most: how far the answer falls without each of them. */

import { bestOf } from '../network/run.js';
import { scoresWithout } from '../network/units.js';
import { makeSlices } from './slices.js';
import { make, makeButton } from './dom.js';
import { percent } from './numbers.js';
import { TEXT } from './text.js';

const MOST_ROWS = 10;
const LEAST_DROP = 0.0005; // of a probability: smaller ones are written as "< 0.1"
const LEAST_SCALE = 0.01; // of the bars: small drops have short ones

/**
 * Returns { element, follow(layer number), stop(), drops }; drops are {unit, drop, answer} of all
 * units that are on, the largest first, once they are computed.
 */
export function makeRanking(stage) {
  const text = TEXT.breaking;
  const heading = make('h3');
  const help = make('p', '', { class: 'soft small' });
  const list = make('ol', '', { class: 'ranking' });
  const rest = make('p', '', { class: 'soft small' });
  const element = make('div');
  element.append(heading, help, list, rest);
  const slices = makeSlices();
  const ranking = { element, follow, stop: slices.stop, drops: [] };

  function follow(number) {
    const shares = stage.probabilities();
    const best = bestOf(shares);
    const isConvolution = stage.layers[number].kind === 'conv2d';
    heading.textContent = text.ranking(isConvolution);
    help.textContent = text.rankingHelp(stage.classes[best], percent(shares[best]), isConvolution);
    const found = [];
    list.setAttribute('aria-busy', 'true');
    slices.run(compute(number, best, shares[best], found), (isDone) => {
      if (isDone) show(number, best, found);
    });
  }

  function* compute(number, best, share, found) {
    const [units] = stage.layers[number].shape;
    const { layers, outputs, isOff } = stage;
    for (let unit = 0; unit < units; unit += 1) {
      if (isOff(number, unit)) continue;
      const shares = stage.asProbabilities(scoresWithout(layers, outputs, number, unit, isOff));
      found.push({ unit, drop: share - shares[best], answer: bestOf(shares) });
      yield;
    }
  }

  function show(number, best, found) {
    ranking.drops = found.sort((a, b) => b.drop - a.drop);
    const shown = ranking.drops.slice(0, MOST_ROWS);
    const largest = Math.max(shown[0]?.drop ?? 0, LEAST_SCALE);
    list.setAttribute('aria-busy', 'false');
    list.replaceChildren(...shown.map((entry) => makeRow(number, best, entry, largest)));
    const isNone = found.length > 0 && found[0].drop < LEAST_DROP;
    rest.hidden = !isNone && found.length <= MOST_ROWS;
    rest.textContent = isNone
      ? text.noneMatters(stage.layers[number].kind === 'conv2d')
      : text.rankingMore(found.length - MOST_ROWS);
  }

  function makeRow(number, best, { unit, drop, answer }, largest) {
    const row = make('li');
    const name = text.unit(unit, stage.layers[number].kind === 'conv2d');
    const bar = make('span', '', { class: 'bar', 'aria-hidden': 'true' });
    bar.style.setProperty('--share', Math.max(drop, 0) / largest);
    const other = answer === best ? '' : text.insteadSays(stage.classes[answer]);
    row.append(
      makeButton(name, () => stage.switchUnit(number, unit, false), { class: 'plain' }),
      bar,
      make('span', pointsOf(drop), { class: 'share' }),
      make('span', other, { class: 'instead' }),
    );
    return row;
  }

  return ranking;
}

/** A drop in percentage points: "−41.3". */
function pointsOf(drop) {
  if (Math.abs(drop) < LEAST_DROP) return TEXT.breaking.littleDrop;
  return `${drop > 0 ? '−' : '+'}${(100 * Math.abs(drop)).toFixed(1)}`;
}
