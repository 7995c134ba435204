/** The panel Watch: every layer with all its maps, and how any number of them was computed. */

import { explainNumber } from '../network/explain.js';
import { receptiveField } from '../network/receptive.js';
import { find, make, makeButton, makeLater, makeSpoken, makeSvg, wantsLessMotion } from './dom.js';
import { showExplanation } from './inspector.js';
import { buildLayer } from './layer.js';
import { format } from './numbers.js';
import { writeAddress } from './panels.js';
import { TEXT } from './text.js';
import { drawWires } from './wires.js';

const STEP_TIME = 160; // milliseconds for each place of a sliding window
const MANY_LAYERS = 16; // of a network with more, the kinds in FOLDED start folded
const FOLDED = ['identity', 'relu', 'local_response_norm', 'batch_norm', 'flatten'];

export function buildWatch(stage) {
  const { layers, shapes } = stage;
  const state = { selected: null, hovered: null, timer: 0, isOpen: false };
  const element = make('section', '', { class: 'watch' });
  const list = make('div', '', { class: 'layers' });
  const inspector = makeInspector(close, slide);
  const wires = makeSvg('svg', { id: 'wires', 'aria-hidden': 'true' });
  const drawLines = makeLater(drawHovered);
  const actions = { select: choose, hover, resized: drawLines };
  const views = layers.map((layer, number) => buildLayer(layer, number, isShown(layer), actions));

  list.append(
    make('p', TEXT.watch.help, { class: 'soft small' }),
    ...views.map((view) => view.element),
  );
  element.append(list, inspector.element);
  find('panels').parentElement.append(wires);
  new ResizeObserver(makeLater(resize)).observe(list);
  stage.listen(makeLater(() => state.isOpen && draw()));

  function isShown({ kind }) {
    return layers.length <= MANY_LAYERS || !FOLDED.includes(kind);
  }

  function draw() {
    views.forEach((view, number) => view.draw(stage.outputs && stage.outputs[number + 1]));
    explain();
  }

  function resize() {
    if (!state.isOpen) return;
    views.forEach((view) => view.resize());
    if (state.selected) views[state.selected.number].mark(state.selected.place);
    drawLines();
  }

  /** Choose a number: it is marked and explained, and the address of the page names it. */
  function choose(number, place) {
    stop();
    select({ number, place });
    views[number].reveal();
    writeAddress({ layer: layers[number].name, unit: place.join(',') });
  }

  function select(selected) {
    if (state.selected) views[state.selected.number].mark(null);
    state.selected = selected;
    if (selected) views[selected.number].mark(selected.place);
    else stop();
    explain();
  }

  /** Close the inspector; the focus goes back to the layer. */
  function close() {
    const { number } = state.selected;
    select(null);
    views[number].canvas.focus({ preventScroll: true });
  }

  element.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && state.selected) close();
  });

  function explain() {
    drawLines();
    if (!state.selected || !stage.outputs) {
      stop();
      inspector.clear(state.selected ? TEXT.nothing : TEXT.watch.inspectHelp);
      return;
    }
    const { number, place } = state.selected;
    const layer = layers[number];
    const field = receptiveField(layers, shapes, number, place);
    const title = TEXT.watch.numberOf(layer.name, place);
    const explanation = explainNumber(layer, stage.outputs[number], place);
    const parts = showExplanation(explanation, layer);
    inspector.show(title, TEXT.watch.field(field, shapes[0]), parts, place.length === 3);
    inspector.say(`${title}: ${format(explanation.result, 6)}`);
  }

  /** Move the selection over its map, row by row, and start again at its end. */
  function slide() {
    if (state.timer) {
      stop();
      return;
    }
    inspector.setPlaying(true);
    state.timer = setInterval(() => {
      const { number, place } = state.selected;
      const [, height, width] = shapes[number + 1];
      const [map, i, j] = place;
      const next = (i * width + j + 1) % (height * width);
      select({ number, place: [map, Math.floor(next / width), next % width] });
    }, STEP_TIME);
  }

  function stop() {
    clearInterval(state.timer);
    state.timer = 0;
    inspector.setPlaying(false);
  }

  function hover(number, place) {
    state.hovered = place && { number, place };
    drawLines();
  }

  /** Show what the number that is pointed at, or else the selected one, depends on. */
  function drawHovered() {
    const shown = stage.outputs && state.isOpen ? (state.hovered ?? state.selected) : null;
    showField(shown);
    if (!shown) {
      wires.replaceChildren();
      return;
    }
    const { number, place } = shown;
    drawWires(wires, {
      layer: layers[number],
      input: stage.outputs[number],
      number,
      place,
      screenBox,
    });
  }

  function showField(shown) {
    const frame = find('field');
    const field = shown && receptiveField(layers, shapes, shown.number, shown.place);
    frame.hidden = !field;
    if (!field) return;
    const [, height, width] = shapes[0];
    const [, rows, columns] = field;
    frame.style.left = `${(100 * columns[0]) / width}%`;
    frame.style.top = `${(100 * rows[0]) / height}%`;
    frame.style.width = `${(100 * (columns[1] - columns[0] + 1)) / width}%`;
    frame.style.height = `${(100 * (rows[1] - rows[0] + 1)) / height}%`;
  }

  /** Where a block of one map is on the screen, null if it is not shown; layer -1 is the image. */
  function screenBox(number, unit, rows, columns) {
    if (number >= 0) return views[number].screenBox(unit, rows, columns);
    const { left, top, width, height } = find('seen').getBoundingClientRect();
    const [, imageHeight, imageWidth] = shapes[0];
    const [down, across] = [height / imageHeight, width / imageWidth];
    return {
      x: left + columns[0] * across,
      y: top + rows[0] * down,
      width: (columns[1] - columns[0] + 1) * across,
      height: (rows[1] - rows[0] + 1) * down,
    };
  }

  window.addEventListener('scroll', drawLines, { passive: true, capture: true });

  return {
    name: 'watch',
    element,
    draw,
    open() {
      state.isOpen = true;
      draw();
    },
    close() {
      stop();
      state.isOpen = false;
      drawLines();
    },
    /** Select what an address names: a layer, and a unit such as "3" or "3,4,5". */
    goTo(name, unit = '0') {
      const number = layers.findIndex((layer) => layer.name === name);
      if (number < 0) return;
      const given = unit.split(',').map(Number);
      const place = layers[number].shape.map((size, axis) => {
        const middle = axis === 0 ? 0 : Math.floor(size / 2);
        return Number.isInteger(given[axis])
          ? Math.min(Math.max(given[axis], 0), size - 1)
          : middle;
      });
      stop();
      select({ number, place });
      const behavior = wantsLessMotion() ? 'auto' : 'smooth';
      views[number].reveal(behavior);
    },
  };
}

/** The sheet with the explanation: next to the layers, or on a small screen over the lower half. */
function makeInspector(close, slide) {
  const element = make('aside', '', { class: 'inspector', 'aria-label': TEXT.watch.inspect });
  const heading = make('h2', TEXT.watch.inspect);
  const field = make('p', '', { class: 'soft small' });
  const content = make('div');
  // Of all these numbers, only the result is said by itself.
  const spoken = makeSpoken();
  const play = makeButton(TEXT.watch.play, slide);
  const buttons = make('p', '', { class: 'buttons' });
  const exit = makeButton(TEXT.watch.close, close);
  const head = make('div', '', { class: 'inspector-head' });
  head.append(heading, exit);
  buttons.append(play);
  element.append(head, content, field, buttons, spoken.element);
  return {
    element,
    say: spoken.say,
    show(title, fieldText, parts, canSlide) {
      element.classList.add('open');
      heading.textContent = title;
      field.textContent = fieldText;
      content.replaceChildren(...parts);
      exit.hidden = false;
      buttons.hidden = !canSlide;
    },
    clear(text) {
      element.classList.remove('open');
      heading.textContent = TEXT.watch.inspect;
      field.textContent = '';
      content.replaceChildren(make('p', text, { class: 'soft' }));
      exit.hidden = buttons.hidden = true;
    },
    setPlaying(isPlaying) {
      play.textContent = isPlaying ? TEXT.watch.stop : TEXT.watch.play;
    },
  };
}
