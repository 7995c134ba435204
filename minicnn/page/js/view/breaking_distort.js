/** Sliders that distort the image, the distorted image next to the original, and both answers. */

import { NO_DISTORTION, distort } from '../network/distort.js';
import { bestOf } from '../network/run.js';
import { axesFor, formatAmount } from './breaking_axes.js';
import { makeCurve } from './breaking_curve.js';
import { drawImage } from './colours.js';
import { make, makeButton, makeSlider, setText } from './dom.js';
import { percent } from './numbers.js';
import { TEXT } from './text.js';

/** Returns { element, update(), stop(), state, curve }; state is { settings, seed, axis, image }. */
export function buildDistortion(stage) {
  const text = TEXT.breaking;
  const axes = axesFor(stage.imageShape);
  const state = { settings: { ...NO_DISTORTION }, seed: 1, axis: axes[0], image: null };
  const sliders = axes.map(makeAxisSlider);
  const original = makePicture(text.original, text.originalLabel);
  const distorted = makePicture(text.distorted, text.distortedLabel);
  const verdict = make('p', '', { class: 'comment', role: 'status', 'aria-live': 'polite' });
  const curve = makeCurve(stage);
  const element = make('section', '', { class: 'part' });
  assemble();

  function makeAxisSlider(axis) {
    const slider = makeSlider(
      text.axes[axis.name],
      {
        min: axis.low,
        max: axis.high,
        step: axis.step,
        value: NO_DISTORTION[axis.name],
        format: (value) => formatAmount(axis, value),
      },
      (value) => {
        state.settings[axis.name] = Number(value.toFixed(4));
        state.axis = axis;
        update();
      },
    );
    return { axis, set: slider.set, element: slider.element };
  }

  function assemble() {
    const controls = make('div', '', { class: 'sliders' });
    const buttons = make('div', '', { class: 'buttons' });
    buttons.append(
      makeButton(text.reset, reset),
      makeButton(text.newNoise, drawOtherNoise),
      makeButton(text.useImage, useImage),
    );
    controls.append(...sliders.map((slider) => slider.element), buttons);
    const pictures = make('div', '', { class: 'pictures' });
    pictures.append(original.element, distorted.element, verdict);
    const row = make('div', '', { class: 'distortion' });
    row.append(controls, pictures);
    const help = make('p', text.distortHelp, { class: 'soft small' });
    element.append(make('h2', text.distort), help, row, curve.element);
  }

  function reset() {
    Object.assign(state.settings, NO_DISTORTION);
    sliders.forEach(({ axis, set }) => set(NO_DISTORTION[axis.name]));
    update();
  }

  function drawOtherNoise() {
    state.seed += 1;
    update();
  }

  /** The distorted image becomes the image of the page. */
  function useImage() {
    const { image } = state;
    reset();
    stage.show(image);
  }

  function update() {
    if (!stage.image) return; // a slider was moved before it was hidden
    const { settings, seed, axis } = state;
    state.image = distort(stage.image, settings, seed);
    const [before, now] = [stage.probabilities(), stage.answer(state.image)];
    original.show(stage.image, nameAnswer(before));
    distorted.show(state.image, nameAnswer(now));
    const isSame = bestOf(before) === bestOf(now);
    setText(verdict, isSame ? text.sameAnswer : text.otherAnswer);
    distorted.element.classList.toggle('changed', !isSame);
    verdict.classList.toggle('changed', !isSame);
    curve.follow({ axis, settings, seed });
  }

  function nameAnswer(shares) {
    const best = bestOf(shares);
    return [stage.classes[best], percent(shares[best])];
  }

  return { element, update, stop: curve.stop, state, curve };
}

function makePicture(title, label) {
  const element = make('figure');
  const canvas = make('canvas', '', { role: 'img', 'aria-label': label });
  const name = make('strong');
  const share = make('span');
  const caption = make('figcaption');
  const answer = make('p');
  answer.append(name, ' ', share);
  caption.append(make('p', title, { class: 'soft small' }), answer);
  element.append(canvas, caption);
  return {
    element,
    show(image, [answerName, answerShare]) {
      drawImage(canvas, image);
      name.textContent = answerName;
      share.textContent = answerShare;
    },
  };
}
