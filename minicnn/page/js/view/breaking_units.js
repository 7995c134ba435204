/** Maps and units as buttons that switch them off, and what the answer is without them. */

import { bestOf, runLayers } from '../network/run.js';
import { layersWithUnits } from '../network/units.js';
import { mapOf } from '../network/values.js';
import { makeComparison } from './breaking_bars.js';
import { drawFilter, hasPictures } from './breaking_filters.js';
import { makeRanking } from './breaking_ranking.js';
import { drawMap } from './colours.js';
import { make, makeButton, makeChoice, setText } from './dom.js';
import { percent } from './numbers.js';
import { TEXT } from './text.js';

const MOST_UNITS = 64; // are shown at first

/** Returns { element, update(), stop(), ranking, choose(layer number) }. */
export function buildUnits(stage) {
  const text = TEXT.breaking;
  const numbers = layersWithUnits(stage.layers);
  const group = make('div', '', { role: 'group' });
  const legend = make('p', '', { class: 'soft small' });
  const more = makeButton('', () => showUnits(Infinity));
  const finding = make('p', '', { class: 'finding', role: 'status', 'aria-live': 'polite' });
  const comparison = makeComparison(stage, text.bothAnswers);
  const ranking = makeRanking(stage);
  const choice = makeChoice(text.layer, namesOf(stage.layers, numbers), numbers[0], (number) =>
    choose(Number(number)),
  );
  const element = make('section', '', { class: 'part' });
  if (!numbers.length) {
    element.append(make('h2', text.switchOff), make('p', text.noUnits, { class: 'soft' }));
    return { element, update() {}, stop() {}, ranking, choose() {} };
  }
  let chosen = numbers[0];
  let buttons = [];
  assemble();
  showUnits(MOST_UNITS);

  function assemble() {
    const results = make('div', '', { class: 'results' });
    const answers = make('div');
    answers.append(make('h3', text.bothAnswers), finding, comparison.element);
    results.append(answers, ranking.element);
    const help = make('p', text.switchHelp, { class: 'soft small' });
    element.append(make('h2', text.switchOff), help, choice.element, legend, group, more, results);
  }

  function choose(number) {
    chosen = number;
    choice.input.value = number;
    showUnits(MOST_UNITS);
    update();
  }

  function showUnits(most) {
    const layer = stage.layers[chosen];
    const isConvolution = layer.kind === 'conv2d';
    const units = layer.shape[0];
    buttons = Array.from({ length: Math.min(units, most) }, (_, unit) => makeUnit(layer, unit));
    group.className = isConvolution ? 'units are-maps' : 'units';
    group.setAttribute('aria-label', text.unitsOf(layer.name));
    group.replaceChildren(...buttons.map((button) => button.element));
    legend.textContent = hasPictures(layer) ? text.filtersAndMaps : text.mapsOnly;
    legend.hidden = !isConvolution;
    more.textContent = text.showAll(units);
    more.hidden = units <= most;
    if (stage.image) buttons.forEach((button) => button.update());
  }

  function makeUnit(layer, unit) {
    const number = chosen;
    const label = text.unit(unit, layer.kind === 'conv2d');
    const button = makeButton('', () => stage.switchUnit(number, unit, stage.isOff(number, unit)), {
      role: 'switch',
      class: 'unit',
      'aria-label': label,
      title: label,
    });
    if (hasPictures(layer)) {
      const filter = make('canvas', '', { class: 'filter' });
      drawFilter(filter, layer, unit);
      button.append(filter);
    }
    const map = layer.kind === 'conv2d' ? make('canvas', '', { class: 'map' }) : null;
    if (map) button.append(map);
    button.append(make('span', String(unit)));
    return {
      element: button,
      update() {
        button.setAttribute('aria-checked', !stage.isOff(number, unit));
        if (!map) return;
        const [, height, width] = layer.shape;
        drawMap(map, mapOf(stage.outputs[number + 1], unit), height, width);
      },
    };
  }

  function update() {
    buttons.forEach((button) => button.update());
    const now = stage.probabilities();
    const before = stage.off.size ? answerWithAll(stage) : now;
    comparison.show(before, now);
    setText(finding, describe(before, now));
    ranking.follow(chosen);
  }

  function describe(before, now) {
    const [count, best, was] = [stage.off.size, bestOf(now), bestOf(before)];
    if (count === 0) return text.nothingOff;
    const answer = [stage.classes[best], percent(now[best])];
    return best === was
      ? text.stillSays(count, ...answer, percent(before[best]))
      : text.nowSays(count, ...answer, stage.classes[was], percent(before[was]));
  }

  return { element, update, stop: ranking.stop, ranking, choose };
}

/** The probabilities with every unit on. */
function answerWithAll({ layers, image, asProbabilities }) {
  return asProbabilities(runLayers(layers, image).at(-1).data);
}

function namesOf(layers, numbers) {
  const name = (layer) =>
    TEXT.breaking.layerName(titleOf(layer), layer.shape[0], layer.kind === 'conv2d');
  return Object.fromEntries(numbers.map((number) => [number, name(layers[number])]));
}

/** Layers without a name have a number, which needs a word in front of it. */
function titleOf({ name, type }) {
  return /^[0-9.]+$/.test(name) ? `${type} ${name}` : name;
}
