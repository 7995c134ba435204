/** The network as it was during the training: its filters, its maps and its answer for the image. */

import { runLayers } from '../network/run.js';
import { layersAt } from '../network/snapshots.js';
import { makeComparison } from './breaking_bars.js';
import { drawFilter, firstConvolution, hasPictures } from './breaking_filters.js';
import { scaleOf } from './colours.js';
import { make, makeSlider } from './dom.js';
import { drawMaps, fitCanvas, layoutOf } from './maps.js';
import { TEXT } from './text.js';

const WIDTH = 280; // pixels of the screen, of a state that is not on it yet

/** Returns { element, update(), stop(), outputs(number) }: the outputs of a snapshot's layers. */
export function buildSnapshots(stage) {
  const text = TEXT.breaking;
  const element = make('section', '', { class: 'part' });
  element.append(make('h2', text.snapshots));
  const { snapshots, layers } = stage;
  if (!snapshots.length) {
    element.append(make('p', text.noSnapshots, { class: 'soft' }));
    return { element, update() {}, stop() {} };
  }
  const first = firstConvolution(layers);
  const names = snapshots.map(({ epoch }) => (epoch ? text.atEpoch(epoch) : text.atStart));
  const decoded = [];
  let chosen = 0;
  const slider = makeSlider(
    text.snapshot,
    { min: 0, max: snapshots.length - 1, value: 0, format: (number) => names[number] },
    (number) => {
      chosen = number;
      update();
    },
  );
  const comparison = makeComparison(stage, text.snapshots);
  const sides = [makeSide(), makeSide()];
  assemble();

  function assemble() {
    slider.element.classList.add('wide');
    const both = make('div', '', { class: 'states' });
    both.append(...sides.map((side) => side.element));
    both.hidden = first < 0;
    const row = make('div', '', { class: 'results' });
    row.append(comparison.element, both);
    element.append(make('p', text.snapshotHelp, { class: 'soft small' }), slider.element, row);
  }

  function layersOf(number) {
    decoded[number] ??= layersAt(layers, snapshots[number]);
    return decoded[number];
  }

  function outputs(number) {
    return runLayers(layersOf(number), stage.image, stage.isOff);
  }

  function update() {
    if (!stage.image) return; // a slider was moved before it was hidden
    const found = outputs(chosen);
    const shares = stage.asProbabilities(found.at(-1).data);
    const titles = [names[chosen], text.finalNetwork];
    comparison.show(shares, stage.probabilities(), titles);
    if (first < 0) return;
    const states = [layersOf(chosen)[first], layers[first]];
    // Both on one scale, which shows how the filters grow.
    const scale = scaleOf(states.flatMap(({ weight }) => Array.from(weight.data)));
    [found, stage.outputs].forEach((each, side) => {
      sides[side].show(titles[side], states[side], scale, each[first + 1]);
    });
  }

  return { element, update, stop() {}, outputs };
}

function makeSide() {
  const text = TEXT.breaking;
  const element = make('div');
  const title = make('h3');
  const filtersName = make('p', '', { class: 'soft small' });
  const filters = make('div', '', { class: 'filters', role: 'img' });
  const mapsName = make('p', '', { class: 'soft small' });
  const maps = make('canvas', '', { role: 'img' });
  element.append(title, filtersName, filters, mapsName, maps);

  function show(state, layer, scale, output) {
    title.textContent = state;
    filtersName.textContent = text.filtersOf(layer.name);
    mapsName.textContent = text.mapsOf(layer.name);
    filters.setAttribute('aria-label', text.filtersLabel(layer.name, state));
    maps.setAttribute('aria-label', text.mapsLabel(layer.name, state));
    filters.hidden = !hasPictures(layer);
    filtersName.hidden = filters.hidden;
    if (!filters.hidden) {
      const canvases = Array.from({ length: layer.shape[0] }, (_, unit) => {
        const canvas = make('canvas');
        drawFilter(canvas, layer, unit, scale);
        return canvas;
      });
      filters.replaceChildren(...canvases);
    }
    const layout = layoutOf(output.shape, output.shape[0], element.clientWidth || WIDTH, 2);
    fitCanvas(maps, layout);
    drawMaps(maps, layout, output);
  }

  return { element, show };
}
