/** Two images that the learning network reads: one of the test images, and the drawing. */

import { bestOf, probabilities, runLayers } from '../network/run.js';
import { smallDigit } from '../network/small_digit.js';
import { predict } from '../network/trainer.js';
import { makeBar } from './bars.js';
import { drawImage } from './colours.js';
import { make, makeButton } from './dom.js';
import { percent } from './numbers.js';
import { TEXT } from './text.js';

/**
 * Cards of both images with the answers of the network. onChoose() is called when another image is
 * to be shown. Returns {element, show(layers)}, which returns the outputs for the image whose maps
 * are wanted.
 */
export function buildSubjects(digits, stage, onChoose) {
  const text = TEXT.training;
  const { images, labels } = digits.test;
  let number = 0; // of the test image
  let wantsDrawing = false;
  let network = null;

  const choose = (isDrawing) => () => {
    wantsDrawing = isDrawing;
    onChoose();
  };
  const test = makeCard(text.testImage, choose(false));
  const drawing = makeCard(text.drawing, choose(true));
  test.buttons.append(
    makeButton('‹', () => go(-1), { 'aria-label': text.previousImage }),
    makeButton('›', () => go(1), { 'aria-label': text.nextImage }),
    makeButton(text.nextMistake, goToMistake),
  );
  const cards = make('div', '', { class: 'training-subjects' });
  cards.append(test.element, drawing.element);
  const element = make('div');
  element.append(cards, make('p', text.unlike, { class: 'soft small' }));

  function go(step) {
    number = (number + step + images.length) % images.length;
    onChoose();
  }

  function goToMistake() {
    for (let step = 1; step <= images.length; step += 1) {
      const n = (number + step) % images.length;
      if (predict(network, images[n]) !== labels[n]) {
        number = n;
        break;
      }
    }
    onChoose();
  }

  return {
    element,
    show(layers) {
      network = layers;
      const drawn = stage.image && smallDigit(stage.image);
      const isDrawing = wantsDrawing && drawn !== null;
      const ofTest = runLayers(layers, images[number]);
      const ofDrawing = drawn && runLayers(layers, drawn);
      test.count.textContent = text.imageNumber(number + 1, images.length);
      test.show(images[number], ofTest, !isDrawing, (best, share) =>
        text.testVerdict(labels[number], best, share),
      );
      drawing.show(drawn, ofDrawing, isDrawing, text.drawingVerdict);
      return isDrawing ? ofDrawing : ofTest;
    },
  };
}

/** An image, the network's answer, and a button that shows its maps. */
function makeCard(title, action) {
  const text = TEXT.training;
  const element = make('section', '', { class: 'training-card' });
  const canvas = make('canvas', '', { role: 'img', 'aria-label': title });
  const verdict = make('p');
  const buttons = make('div', '', { class: 'buttons' });
  const maps = makeButton(text.showMaps, action, { 'aria-pressed': 'false' });
  const bars = makeBars();
  const words = make('div');
  buttons.append(maps);
  const count = make('span', '', { class: 'soft small' });
  const heading = make('div', '', { class: 'training-heading' });
  heading.append(make('h3', title), count);
  words.append(heading, verdict);
  element.append(canvas, words, bars.element, buttons);

  return {
    element,
    buttons,
    count,
    show(image, outputs, isChosen, describe) {
      canvas.hidden = !image;
      bars.element.hidden = !image;
      maps.disabled = !image;
      maps.setAttribute('aria-pressed', String(isChosen));
      if (!image) {
        verdict.textContent = text.noDrawing;
        return;
      }
      drawImage(canvas, image);
      const shares = probabilities(outputs.at(-1).data);
      const best = bestOf(shares);
      bars.show(shares, best);
      // After an overflow there are no probabilities.
      const isAnswer = !shares.some(Number.isNaN);
      verdict.textContent = isAnswer ? describe(best, percent(shares[best])) : text.noAnswer;
    },
  };
}

/** The probabilities of the ten digits. */
function makeBars() {
  const element = make('ol', '', { class: 'bars' });
  const bars = Array.from({ length: 10 }, (_, digit) => makeBar(String(digit)));
  element.append(...bars.map((bar) => bar.element));
  return {
    element,
    show(shares, best) {
      bars.forEach((bar, digit) => bar.show(shares[digit], digit === best));
    },
  };
}
