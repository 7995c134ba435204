/** The panel in which one slides a window over numbers: padding, pooling, convolution. */

import {
  KERNELS,
  PATTERNS,
  centreKernel,
  mapOfImage,
  mapOfMiddle,
} from '../network/lab_pictures.js';
import { decodeImages } from '../network/values.js';
import { countUnreached, planWindow, unreachedRows } from '../network/window_lab.js';
import { make, makeLater } from './dom.js';
import { DEFAULTS, makeControls, readOptions, writeOptions } from './lab_controls.js';
import { makeKernelLab } from './lab_kernel.js';
import { makeComputation, makeFormula } from './lab_steps.js';
import { makeWindows } from './lab_windows.js';
import { TEXT } from './text.js';

/** Build it; it follows the image on the stage while it is open. */
export function buildLab(stage) {
  const element = make('section', '', { class: 'lab' });
  const options = { ...DEFAULTS };
  let nine = KERNELS[options.filter](3);
  let isOpen = false;

  const controls = makeControls(options, changeOption);
  const formula = makeFormula();
  const computation = makeComputation();
  const windows = makeWindows(computation.show);
  const kernelLab = makeKernelLab(changeKernel);
  const problem = make('p', '', { class: 'lab-problem', role: 'status' });
  const unused = make('p', '', { class: 'lab-unused' });
  const padding = make('p', '', { class: 'soft small' });
  const kernelNote = make('p', '', { class: 'soft small' });
  const picture = make('div');
  const atPlace = make('section', '', { class: 'lab-at-place' });
  atPlace.append(make('h2', TEXT.lab.atPlace), computation.element, kernelNote);
  picture.append(windows.element, padding, atPlace);
  const top = make('div', '', { class: 'lab-top' });
  const size = make('div');
  size.append(make('h2', TEXT.lab.sizeTitle), formula.element, problem, unused);
  top.append(controls.element, size);
  element.append(
    make('h2', TEXT.lab.title),
    make('p', TEXT.lab.about, { class: 'soft' }),
    top,
    picture,
    kernelLab.element,
  );

  const drawLater = makeLater(draw);
  stage.listen(() => isOpen && drawLater());
  window.addEventListener('hashchange', () => {
    windows.stop();
    takeAddress();
    if (isOpen) drawLater();
  });

  function takeAddress() {
    readOptions(options);
    if (options.filter !== 'own') nine = KERNELS[options.filter](3);
    controls.update();
  }

  function changeOption(name) {
    if (name === 'filter' && options.filter !== 'own') nine = KERNELS[options.filter](3);
    windows.stop();
    writeOptions(options);
    drawLater();
  }

  function changeKernel(name, weights) {
    options.filter = name;
    nine = weights;
    controls.update();
    writeOptions(options);
    drawLater();
  }

  function draw() {
    const plan = planWindow(options);
    problem.textContent = plan.problem ? TEXT.lab.problems[plan.problem.reason](plan) : '';
    problem.hidden = !plan.problem;
    picture.hidden = formula.element.hidden = unused.hidden = Boolean(plan.problem);
    kernelLab.setImage(stage.image);
    kernelLab.setKernel(options.filter, nine);
    kernelLab.draw();
    if (plan.problem) return;
    formula.show(plan);
    unused.textContent = TEXT.lab.unused(plan, unreachedRows(plan), countUnreached(plan));
    padding.textContent = plan.padding ? TEXT.lab.paddingAbout[plan.mode] : '';
    kernelNote.textContent = TEXT.lab.kernelNote(options.filter, plan.kernel, plan.dilation);
    windows.show(plan, chooseMap(), chooseWeights());
  }

  function chooseWeights() {
    const { filter, kernel } = options;
    return filter === 'own' ? centreKernel(nine, kernel) : KERNELS[filter](kernel);
  }

  /** The numbers under the window: a pattern, or a small copy of an image. */
  function chooseMap() {
    const { input, size: side } = options;
    if (PATTERNS[input]) return PATTERNS[input](side);
    if (input === 'digit' || !stage.image) return mapOfImage(bundledDigit(stage.digits.test), side);
    return input === 'middle' ? mapOfMiddle(stage.image, side) : mapOfImage(stage.image, side);
  }

  return {
    name: 'lab',
    element,
    open() {
      isOpen = true;
      takeAddress();
      draw();
    },
    close() {
      isOpen = false;
      windows.stop();
    },
  };
}

/** A 3 of the bundled digits. */
function bundledDigit({ images, labels }) {
  return decodeImages([1, 8, 8], images)[labels.indexOf(3)];
}
