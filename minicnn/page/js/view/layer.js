/** One layer of the panel Watch: its name and sizes, its maps, and the number that is pointed at. */

import { rangeOf } from '../network/values.js';
import { make, makeButton } from './dom.js';
import { canvasBox, drawMaps, fitCanvas, layoutOf, placeAt } from './maps.js';
import { format } from './numbers.js';
import { TEXT } from './text.js';

const MOST_MAPS = 32; // shown at first, of a layer with more
const MOST_UNITS = 512;

/**
 * Build the part of the page for layer `number`. isOpen: whether its maps are shown at first. actions:
 * select(number, place) and hover(number, place or null). Returns what watch.js calls.
 */
export function buildLayer(layer, number, isOpen, actions) {
  const { shape } = layer;
  const most = shape.length === 3 ? MOST_MAPS : MOST_UNITS;
  const view = { shown: Math.min(shape[0], most), layout: null, place: shape.map(() => 0) };
  const element = make('details', '', { class: 'layer', open: isOpen });
  const canvas = make('canvas', '', {
    tabindex: 0,
    role: 'application',
    'aria-roledescription': TEXT.watch.mapsRole,
    'aria-label': TEXT.watch.mapsLabel(layer.name, sizeOf(layer)),
  });
  const frame = make('div', '', { class: 'frame' });
  const mark = make('span', '', { class: 'mark', hidden: true });
  const range = make('p', '', { class: 'soft small range' });
  const more = makeButton(TEXT.watch.showAll(shape[0]), () => unfold());
  more.hidden = view.shown === shape[0];
  const title = make('h3', layer.name);
  title.append(make('span', typeOf(layer), { class: 'soft type' }));
  const summary = make('summary');
  summary.append(title, make('span', describe(layer), { class: 'soft small' }));
  frame.append(canvas, mark);
  element.append(summary, frame, range, more);
  let value = null;

  function layOut() {
    view.layout = layoutOf(shape, view.shown, element.clientWidth || 320);
    fitCanvas(canvas, view.layout);
  }

  function unfold() {
    view.shown = shape[0];
    more.hidden = true;
    layOut();
    draw(value);
  }

  /** Show a value of this layer; null shows nothing. */
  function draw(given) {
    value = given;
    if (!element.open) return;
    if (!view.layout) layOut();
    if (value) drawMaps(canvas, view.layout, value);
    else canvas.getContext('2d').clearRect(0, 0, canvas.width, canvas.height);
    const [low, high] = value ? rangeOf(value.data) : [0, 0];
    range.textContent = value ? TEXT.watch.range(format(low), format(high)) : '';
  }

  function placeOf(event) {
    const { scale } = view.layout;
    return placeAt(
      view.layout,
      Math.floor(event.offsetX / scale),
      Math.floor(event.offsetY / scale),
    );
  }

  canvas.addEventListener('click', (event) => {
    const place = placeOf(event);
    if (place) actions.select(number, place);
  });
  canvas.addEventListener('pointermove', (event) => actions.hover(number, placeOf(event)));
  canvas.addEventListener('pointerleave', () => actions.hover(number, null));
  canvas.addEventListener('keydown', (event) => {
    const place = movedBy(view.place, shape, event.key);
    if (!place) return;
    event.preventDefault();
    actions.select(number, place);
  });
  element.addEventListener('toggle', () => {
    if (!element.open) return;
    layOut();
    draw(value);
    actions.resized();
  });

  return {
    element,
    canvas,
    draw,
    /** Fit the maps into a width that has changed. */
    resize() {
      if (!element.open) return;
      layOut();
      draw(value);
    },
    /** Mark the number at a place, null: none. */
    mark(place) {
      mark.hidden = !place;
      if (!place) return;
      view.place = place;
      element.open = true;
      if (!view.layout) layOut();
      if (place[0] >= view.shown) unfold();
      const [unit, i = 0, j = 0] = place;
      setBox(mark, canvasBox(view.layout, unit, [i, i], [j, j]), view.layout.scale);
    },
    /** Scroll as far as the marked number needs to be seen. */
    reveal(behavior) {
      mark.scrollIntoView({ block: 'nearest', behavior });
    },
    /** Where a block of one map is on the screen, null if it is not shown. */
    screenBox(unit, rows, columns) {
      if (!element.open || !view.layout || unit >= view.shown) return null;
      const { left, top } = canvas.getBoundingClientRect();
      const { scale } = view.layout;
      const box = canvasBox(view.layout, unit, rows, columns);
      return {
        x: left + box.x * scale,
        y: top + box.y * scale,
        width: box.width * scale,
        height: box.height * scale,
      };
    },
  };
}

function setBox({ style }, box, scale) {
  style.left = `${box.x * scale}px`;
  style.top = `${box.y * scale}px`;
  style.width = `${box.width * scale}px`;
  style.height = `${box.height * scale}px`;
}

function typeOf({ name, type }) {
  return name.toLowerCase().startsWith(type.toLowerCase()) ? '' : type;
}

function sizeOf({ shape }) {
  const [units, height, width] = shape;
  if (shape.length === 1) return TEXT.watch.units(units);
  return TEXT.watch.mapsOf(TEXT.watch.maps(units), height, width);
}

function describe(layer) {
  const parts = [sizeOf(layer)];
  if (layer.window) parts.push(TEXT.watch.windowOf(layer.window));
  if (layer.parameters) parts.push(TEXT.watch.parameters(layer.parameters));
  return parts.join(' · ');
}

const STEPS = {
  ArrowLeft: [0, 0, -1],
  ArrowRight: [0, 0, 1],
  ArrowUp: [0, -1, 0],
  ArrowDown: [0, 1, 0],
  PageUp: [-1, 0, 0],
  PageDown: [1, 0, 0],
  Enter: [0, 0, 0],
};

/** The place to which a key leads; null for a key without a meaning. */
function movedBy(place, shape, key) {
  const step = STEPS[key];
  if (!step) return null;
  const along = shape.length === 3 ? step : [step[0] + step[1] + step[2]];
  return place.map((at, axis) => Math.min(Math.max(at + along[axis], 0), shape[axis] - 1));
}
