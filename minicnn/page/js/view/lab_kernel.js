/** Nine numbers that one can change, and a whole picture before and after them. */

import { KERNELS, filterPicture, greyOfImage, greyOfPixels } from '../network/lab_pictures.js';
import { drawImage, drawMap } from './colours.js';
import { make, makeButton } from './dom.js';
import { formatTidy, scaleUnder } from './lab_grid.js';
import { TEXT } from './text.js';

const MOST_SIDE = 256; // pixels of a picture that is opened; larger ones are made smaller

/**
 * Build it. chosen(name, nine) is called when the reader chooses a kernel or changes a number of it
 * (then the name is 'own'). Returns { element, setKernel(name, nine), setImage(image), draw() }.
 */
export function makeKernelLab(chosen) {
  const element = make('section', '', { class: 'lab-kernel', 'aria-label': TEXT.lab.kernelTitle });
  const about = make('p');
  const sum = make('p', '', { class: 'soft small' });
  const message = make('p', '', { role: 'status' });
  const before = make('canvas', '', { role: 'img', 'aria-label': TEXT.lab.before });
  const after = make('canvas', '', { role: 'img' });
  const back = makeButton(TEXT.lab.useStage, () => usePicture(null), { hidden: true });
  let nine = [];
  let image = null;
  let picture = null;

  const inputs = Array.from({ length: 9 }, (_, tap) => {
    const label = TEXT.lab.weightAt(Math.floor(tap / 3), tap % 3);
    const input = make('input', '', { type: 'number', step: 'any', 'aria-label': label });
    input.addEventListener('input', () => changeNumber(tap, input));
    return input;
  });
  const numbers = make('div', '', { class: 'lab-nine', role: 'group' });
  numbers.setAttribute('aria-label', TEXT.lab.nine);
  numbers.append(...inputs);

  const presets = make('div', '', { class: 'buttons' });
  const buttons = Object.keys(KERNELS).map((name) => {
    const button = makeButton(TEXT.lab.filter[name], () => chosen(name, KERNELS[name](3)));
    button.dataset.kernel = name;
    return button;
  });
  presets.append(...buttons);

  const controls = make('div');
  controls.append(presets, numbers, about, sum);
  const pictures = make('div');
  const pair = make('div', '', { class: 'lab-pair' });
  pair.append(framed(TEXT.lab.before, before), framed(TEXT.lab.after, after));
  pictures.append(pair, makeFileTools(), message);
  const columns = make('div', '', { class: 'lab-columns' });
  columns.append(controls, pictures);
  element.append(
    make('h2', TEXT.lab.kernelTitle),
    make('p', TEXT.lab.kernelAbout, { class: 'soft' }),
    columns,
  );
  acceptPictures();

  function makeFileTools() {
    const file = make('input', '', { type: 'file', accept: 'image/*', hidden: true });
    file.addEventListener('change', () => {
      openPicture(file.files[0]);
      file.value = ''; // so that the same file can be opened again
    });
    const tools = make('div', '', { class: 'buttons' });
    tools.append(
      makeButton(TEXT.openPicture, () => file.click()),
      back,
      file,
    );
    return tools;
  }

  /** A picture that is dropped here is for this kernel, not for the network. */
  function acceptPictures() {
    element.addEventListener('drop', (event) => {
      event.preventDefault();
      event.stopPropagation();
      openPicture(event.dataTransfer.files[0]);
    });
  }

  async function openPicture(file) {
    if (!file) return;
    try {
      usePicture(readBitmap(await createImageBitmap(file)));
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      message.textContent = TEXT.notAPicture(file.name);
    }
  }

  function usePicture(pixels) {
    picture = pixels && greyOfPixels(pixels);
    back.hidden = !picture;
    draw();
  }

  function changeNumber(tap, input) {
    const isNumber = input.value !== '' && Number.isFinite(input.valueAsNumber);
    input.setAttribute('aria-invalid', !isNumber);
    if (isNumber) chosen('own', nine.with(tap, input.valueAsNumber));
  }

  function setKernel(name, weights) {
    nine = weights;
    inputs.forEach((input, tap) => {
      // What is being typed stays as it is typed.
      if (name !== 'own' || input !== document.activeElement) {
        input.value = Number(nine[tap].toFixed(3));
      }
      if (name !== 'own') input.removeAttribute('aria-invalid');
    });
    buttons.forEach((button) => {
      button.setAttribute('aria-pressed', button.dataset.kernel === name);
    });
    const total = nine.reduce((all, weight) => all + weight, 0);
    about.textContent = TEXT.lab.filterAbout[name];
    sum.textContent = TEXT.lab.kernelSum(formatTidy(total, 3), isBalanced(nine));
  }

  function draw() {
    const shown = picture ?? (image && greyOfImage(image));
    pair.hidden = !shown;
    message.textContent = shown ? '' : TEXT.lab.noPicture;
    if (!shown) return;
    const { data, height, width } = shown;
    drawImage(before, { shape: [1, height, width], data });
    const filtered = filterPicture(shown, nine);
    const scale = isBalanced(nine)
      ? scaleUnder(nine, filtered.data)
      : { isSigned: false, reach: 1 };
    drawMap(after, filtered.data, height, width, scale);
    after.setAttribute('aria-label', TEXT.lab.afterLabel(isBalanced(nine)));
  }

  return {
    element,
    setKernel,
    draw,
    setImage(newImage) {
      image = newImage;
    },
  };
}

/** Whether the numbers add up to 0: what such a kernel makes of a flat area is 0, not a grey. */
function isBalanced(nine) {
  return Math.abs(nine.reduce((all, weight) => all + weight, 0)) < 1e-9;
}

function framed(title, canvas) {
  const figure = make('figure');
  figure.append(make('figcaption', title), canvas);
  return figure;
}

/** The pixels of a picture, at most MOST_SIDE on its longer side, on white where it is transparent. */
function readBitmap(bitmap) {
  const scale = Math.min(1, MOST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = make('canvas');
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
