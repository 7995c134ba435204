/** The options of the window lab: sliders and choices, and what they have in the address. */

import { KERNELS } from '../network/lab_pictures.js';
import { make, makeChoice, makeSlider } from './dom.js';
import { readAddress, writeAddress } from './panels.js';
import { TEXT } from './text.js';

const RANGES = { size: [3, 16], kernel: [1, 7], stride: [1, 5], padding: [0, 6], dilation: [1, 4] };
const CHOICES = {
  mode: ['zeros', 'reflect', 'replicate', 'circular'],
  input: ['image', 'middle', 'digit', 'ramp', 'checkerboard'],
  filter: [...Object.keys(KERNELS), 'own'],
};

/** The options with which the lab begins. */
export const DEFAULTS = {
  size: 7,
  kernel: 3,
  stride: 2,
  padding: 1,
  mode: 'zeros',
  dilation: 1,
  input: 'image',
  filter: 'vertical',
};

/** The controls that change options; calls onChange(name) after each. Returns { element, update }. */
export function makeControls(options, onChange) {
  const element = make('div', '', { class: 'lab-controls' });
  const controls = {};

  function change(name, value) {
    options[name] = value;
    onChange(name);
  }

  for (const [name, [min, max]] of Object.entries(RANGES)) {
    const range = { min, max, value: options[name] };
    controls[name] = makeSlider(TEXT.lab.options[name], range, (value) => change(name, value));
  }
  for (const [name, keys] of Object.entries(CHOICES)) {
    const names = Object.fromEntries(keys.map((key) => [key, TEXT.lab[name][key]]));
    const label = TEXT.lab.options[name];
    controls[name] = makeChoice(label, names, options[name], (value) => change(name, value));
  }
  const order = ['size', 'kernel', 'stride', 'dilation', 'padding', 'mode', 'input', 'filter'];
  element.append(...order.map((name) => controls[name].element));

  return {
    element,
    /** Show options that were changed elsewhere. */
    update() {
      for (const [name, control] of Object.entries(controls)) {
        if (control.set) control.set(options[name]);
        else control.input.value = options[name];
      }
    },
  };
}

/** Take over what the address says of the lab; numbers out of range become the nearest in range. */
export function readOptions(options) {
  const { panel, ...given } = readAddress();
  if (panel !== 'lab') return;
  for (const [name, [min, max]] of Object.entries(RANGES)) {
    if (!/^-?\d+$/.test(given[name] ?? '')) continue;
    options[name] = Math.min(Math.max(Number(given[name]), min), max);
  }
  for (const [name, keys] of Object.entries(CHOICES)) {
    if (keys.includes(given[name])) options[name] = given[name];
  }
}

/** Put the options into the address, those that are not named in it by default only if changed. */
export function writeOptions({ size, kernel, stride, padding, mode, dilation, input, filter }) {
  const values = { panel: 'lab', size, kernel, stride, padding, mode, dilation };
  if (input !== DEFAULTS.input) values.input = input;
  // The reader's own numbers would not fit into an address that people can read.
  if (filter !== DEFAULTS.filter && filter !== 'own') values.filter = filter;
  writeAddress(values);
}
