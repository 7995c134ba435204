/** The left side of the page: the board, the samples, the image as the network sees it, the answer. */

import { PictureError } from '../network/digit_parts.js';
import { digitFromPicture } from '../network/digit_photo.js';
import { imageFromPicture } from '../network/picture.js';
import { makeBar } from './bars.js';
import { makeBoard } from './board.js';
import { drawImage } from './colours.js';
import { find, make, makeButton, makeLater, makeSpoken } from './dom.js';
import { percent } from './numbers.js';
import { writeSample } from './panels.js';
import { makeFileButton, readBitmap } from './picture_file.js';
import { TEXT } from './text.js';

const MOST_SIDE = 4096; // pixels of a picture that is opened: as many as every browser can hold
const MOST_BARS = 10;
const LONG_NAME = 8; // letters of a class that leave no room for a bar next to the image

/** Build it; each drawing or chosen image is shown on the stage. */
export function buildInput(stage) {
  const isColourful = stage.imageShape[0] === 3;
  // Ink on paper is turned around for the network; other pictures are taken as they are.
  const isInverted = stage.inkBox === null && !isColourful;
  const colours = isInverted ? { paper: '#000', ink: '#fff' } : { paper: '#fff', ink: '#000' };
  const board = makeBoard(
    find('board'),
    { ...colours, hint: TEXT.drawHere, ratio: stage.imageShape[2] / stage.imageShape[1] },
    makeLater(showBoard),
    clear,
  );
  buildTools();
  buildSamples();
  acceptPictures();
  const isLong = (name) => name.length > LONG_NAME;
  find('answer').classList.toggle('has-long-names', stage.classes.some(isLong));
  // The verdict changes with each movement of the pen; it is said when the pen rests.
  const spoken = makeSpoken();
  find('answer').append(spoken.element);
  stage.listen(showSeen);
  stage.listen(() => {
    showAnswer(stage);
    spoken.say(find('verdict').textContent);
  });

  function showBoard() {
    showPicture(board.pixels());
  }

  function clear() {
    board.wipe();
    writeSample(undefined);
    stage.show(null);
  }

  /** Show pixels {data, width, height} as the network would see them. */
  function showPicture(pixels) {
    writeSample(undefined);
    try {
      const image =
        stage.inkBox === null
          ? imageFromPicture(pixels, stage.imageShape)
          : digitFromPicture(pixels, stage.imageShape[1], stage.inkBox);
      stage.show(image);
    } catch (error) {
      if (!(error instanceof PictureError)) throw error;
      const isSeveral = error.code === 'several';
      stage.show(null, isSeveral ? TEXT.severalDigits(error.number) : TEXT.noDigit);
    }
  }

  function buildTools() {
    find('tools').append(makeButton(TEXT.clear, clear), ...makeFileButton(openPicture));
    if (!isColourful) return;
    const pen = make('input', '', {
      type: 'color',
      value: '#000000',
      'aria-label': TEXT.penColour,
    });
    pen.addEventListener('input', () => board.setInk(pen.value));
    find('tools').append(pen);
  }

  function buildSamples() {
    find('samples').hidden = stage.samples.length === 0;
    stage.samples.forEach(({ name, image }, number) => {
      const button = makeButton('', () => {
        chooseSample(number);
        writeSample(number);
      });
      const canvas = make('canvas');
      drawImage(canvas, image);
      button.append(canvas);
      button.className = 'sample';
      button.title = name;
      button.setAttribute('aria-label', name);
      find('samples').append(button);
    });
  }

  function chooseSample(number) {
    const sample = stage.samples[number];
    if (!sample) return;
    board.wipe();
    stage.show(sample.image);
  }

  /** A picture that is dropped on the page or pasted stands in place of the drawing. */
  function acceptPictures() {
    document.addEventListener('dragover', (event) => event.preventDefault());
    document.addEventListener('drop', (event) => {
      event.preventDefault();
      openPicture(event.dataTransfer.files[0]);
    });
    document.addEventListener('paste', (event) => openPicture(event.clipboardData.files[0]));
  }

  async function openPicture(file) {
    if (!file) return;
    try {
      const bitmap = await createImageBitmap(file, { colorSpaceConversion: 'none' });
      board.show(bitmap);
      const pixels = readBitmap(bitmap, MOST_SIDE);
      bitmap.close();
      showPicture(pixels);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      board.wipe();
      stage.show(null, TEXT.notAPicture(file.name));
    }
  }

  return {
    board,
    showPicture,
    openPicture,
    chooseSample,
    /** Show the first sample, so that there is something to see. */
    begin() {
      if (stage.samples.length) chooseSample(0);
      else stage.show(null);
    },
  };
}

function showSeen({ image, imageShape }) {
  const canvas = find('seen');
  const [, height, width] = imageShape;
  canvas.style.setProperty('--ratio', width / height);
  if (image) {
    drawImage(canvas, image);
  } else {
    Object.assign(canvas, { width, height });
  }
}

function showAnswer(stage) {
  const shares = stage.probabilities();
  find('verdict').classList.toggle('is-empty', !shares);
  if (!shares) {
    find('verdict').textContent = stage.problem || TEXT.nothing;
    find('bars').replaceChildren();
    return;
  }
  const order = shares.map((_, k) => k).sort((a, b) => shares[b] - shares[a]);
  const [best] = order;
  const off = stage.off.size ? `. ${TEXT.switchedOff(stage.off.size)}` : '';
  find('verdict').textContent = shares.some(Number.isNaN)
    ? TEXT.noNumbers
    : TEXT.verdict(stage.classes[best], percent(shares[best])) + off;
  // The order of the classes stays where all can be shown: bars that jump are hard to read.
  const shown = shares.length > MOST_BARS ? order.slice(0, MOST_BARS) : shares.map((_, k) => k);
  const bars = shown.map((k) => {
    const bar = makeBar(stage.classes[k]);
    bar.show(shares[k], k === best);
    return bar.element;
  });
  find('bars').replaceChildren(...bars);
}
