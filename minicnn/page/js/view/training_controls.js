/** The buttons and settings of a run of training. */

import { make, makeButton, makeChoice, makeSlider } from './dom.js';
import { TEXT } from './text.js';

const RATES = { min: -3, max: 1, step: 0.05 }; // powers of ten

/**
 * Controls that write to settings {activation, rate, hasMomentum, isForgetful}. actions: toggle, step,
 * epoch, restart, and change, called after a setting has changed. Returns {element, show(trainer)}.
 */
export function buildControls(settings, actions) {
  const text = TEXT.training;
  const element = make('div', '', { class: 'training-controls' });
  const start = makeButton(text.start, actions.toggle, { class: 'training-start' });
  const step = makeButton(text.step, actions.step);
  const epoch = makeButton(text.epoch, actions.epoch);
  const buttons = make('div', '', { class: 'buttons' });
  buttons.append(start, step, epoch, makeButton(text.restart, actions.restart));

  const rate = makeSlider(
    text.rate,
    { ...RATES, value: Math.log10(settings.rate), format: (power) => String(rateOf(power)) },
    (power) => {
      settings.rate = rateOf(power);
      actions.change();
    },
  );

  // A network that has learnt with one activation cannot get another: a new run begins.
  const activation = makeChoice(text.activation, text.activations, settings.activation, (kind) => {
    settings.activation = kind;
    actions.restart();
  });
  const momentum = makeSwitch(text.momentum, settings.hasMomentum, (isOn) => {
    settings.hasMomentum = isOn;
    actions.change();
  });
  const forget = makeSwitch(text.forget, settings.isForgetful, (isOn) => {
    settings.isForgetful = isOn;
    actions.change();
  });
  const notes = {
    sigmoid: make('p', text.sigmoidNote, { class: 'soft small' }),
    forget: make('p', text.forgetNote, { class: 'soft small' }),
  };
  const choices = make('div', '', { class: 'training-choices' });
  choices.append(rate.element, activation.element, momentum, forget);
  element.append(buttons, choices, notes.sigmoid, notes.forget);

  return {
    element,
    show(trainer, { isRunning }) {
      start.textContent = isRunning ? text.pause : text.start;
      start.disabled = trainer.isDiverged;
      step.disabled = isRunning || trainer.isDiverged;
      epoch.disabled = isRunning || trainer.isDiverged;
      notes.sigmoid.hidden = settings.activation !== 'sigmoid';
      notes.forget.hidden = !settings.isForgetful;
    },
  };
}

/** 10 to a power, with two digits. */
function rateOf(power) {
  return Number((10 ** power).toPrecision(2));
}

function makeSwitch(label, isOn, action) {
  const element = make('label', '', { class: 'training-switch' });
  const input = make('input', '', { type: 'checkbox', checked: isOn });
  input.addEventListener('change', () => action(input.checked));
  element.append(input, make('span', label));
  return element;
}
