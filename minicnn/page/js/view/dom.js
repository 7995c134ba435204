/** Elements of the page. Names come from files and people, so they are always set as text. */

/** An element with a text and attributes: make('button', 'Clear', { type: 'button' }). */
export function make(tag, text = '', attributes = {}) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  setAttributes(element, attributes);
  return element;
}

/** An element of a drawing: makeSvg('line', { x1: 0, y1: 0, x2: 5, y2: 5 }). */
export function makeSvg(tag, attributes = {}, text = '') {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  if (text) element.textContent = text;
  setAttributes(element, attributes);
  return element;
}

function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
}

/** The element of the page with this id. */
export function find(id) {
  return document.getElementById(id);
}

/** Change a text only where it differs, so that a screen reader says it once. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A figure with its caption above. */
export function makeFigure(caption, content) {
  const figure = make('figure');
  figure.append(make('figcaption', caption), content);
  return figure;
}

/** A button that does something. */
export function makeButton(text, action, attributes = {}) {
  const button = make('button', text, { type: 'button', ...attributes });
  button.addEventListener('click', action);
  return button;
}

/**
 * A slider with its label and value: makeSlider('Shift', { min: -8, max: 8, value: 0 }, action). The
 * action gets the number. Returns { element, input, set(value) }.
 */
export function makeSlider(label, { min, max, step = 1, value, format = String }, action) {
  const element = make('label', '', { class: 'slider' });
  const input = make('input', '', { type: 'range', min, max, step, value });
  const shown = make('output');
  element.append(make('span', label), input, shown);
  const write = (number) => {
    shown.textContent = format(number);
    input.setAttribute('aria-valuetext', format(number));
  };
  write(value);
  input.addEventListener('input', () => {
    write(Number(input.value));
    action(Number(input.value));
  });
  return {
    element,
    input,
    set(number) {
      input.value = number;
      write(number);
    },
  };
}

/**
 * A choice among names: makeChoice('Mode', { zeros: 'zeros', reflect: 'reflect' }, 'zeros', action).
 * The action gets the key. Returns { element, input }.
 */
export function makeChoice(label, options, value, action) {
  const element = make('label', '', { class: 'choice' });
  const input = make('select');
  for (const [key, name] of Object.entries(options)) {
    input.append(make('option', name, { value: key, selected: key === value }));
  }
  input.addEventListener('change', () => action(input.value));
  element.append(make('span', label), input);
  return { element, input };
}

/** Run a task before the next frame is drawn, once, however often it is asked for. */
export function makeLater(task) {
  let frame = 0;
  return () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(task);
  };
}

const QUIET = 800; // milliseconds

/**
 * A text that only screen readers say, and only when it has not changed for a moment. Returns
 * { element, say(text) }.
 */
export function makeSpoken() {
  const element = make('p', '', { class: 'hidden-text', role: 'status' });
  let timer = 0;
  return {
    element,
    say(text) {
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (element.textContent !== text) element.textContent = text;
      }, QUIET);
    },
  };
}

/** Whether the reader has asked for less motion. */
export function wantsLessMotion() {
  return window.matchMedia('(prefers-reduced-motion: reduce)').matches;
}
