/** The page: one image goes through the network, and every number can be asked about. */

import { buildBreaking } from './breaking.js';
import { find } from './dom.js';
import { buildInput } from './input.js';
import { buildLab } from './lab.js';
import { makePanels, readAddress } from './panels.js';
import { makeStage } from './stage.js';
import { TEXT } from './text.js';
import { buildTraining } from './training.js';
import { buildWatch } from './watch.js';

/** Build the page for what page/contents.py has written; returns what tests may ask. */
export function start(contents) {
  fillTexts();
  const stage = makeStage(contents);
  const input = buildInput(stage);
  const watch = buildWatch(stage);
  const panels = [watch, buildLab(stage), buildBreaking(stage), buildTraining(stage)];
  const { open, reveal } = makePanels(panels);

  function followAddress() {
    const { panel, layer, unit, sample } = readAddress();
    if (sample) input.chooseSample(Number(sample));
    const isKnown = panels.some(({ name }) => name === panel);
    open(isKnown ? panel : 'watch');
    if (isKnown) reveal(panel);
    if (layer) watch.goTo(layer, unit);
  }

  input.begin();
  followAddress();
  window.addEventListener('hashchange', followAddress);
  return { stage, input, panels };
}

/** Put the texts of text.js where the template asks for them. */
function fillTexts() {
  document.querySelectorAll('[data-text]').forEach((element) => {
    element.textContent = TEXT[element.dataset.text];
  });
  document.querySelectorAll('[data-label]').forEach((element) => {
    element.setAttribute('aria-label', TEXT[element.dataset.label]);
  });
  find('board').setAttribute('aria-roledescription', TEXT.boardRole);
}
