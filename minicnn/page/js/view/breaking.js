/** The panel "Break it": what the network can stand, from a shifted image to a missing map. */

import { buildDistortion } from './breaking_distort.js';
import { buildSnapshots } from './breaking_snapshots.js';
import { buildUnits } from './breaking_units.js';
import { make, makeButton, makeLater } from './dom.js';
import { TEXT } from './text.js';

export function buildBreaking(stage) {
  const text = TEXT.breaking;
  const distortion = buildDistortion(stage);
  const units = buildUnits(stage);
  const snapshots = buildSnapshots(stage);
  const parts = [distortion, units, snapshots];
  const noImage = make('p', text.noImage, { class: 'notice' });
  const someOff = make('div', '', { class: 'notice' });
  const offText = make('span');
  someOff.append(offText, makeButton(text.allOn, stage.switchAllOn));
  const element = make('section', '', { class: 'breaking' });
  element.append(make('p', text.intro, { class: 'soft' }), noImage, someOff);
  element.append(...parts.map((part) => part.element));
  let isOpen = false;
  const updateLater = makeLater(update);

  function update() {
    if (!isOpen) return;
    noImage.hidden = stage.image !== null;
    someOff.hidden = stage.off.size === 0;
    offText.textContent = text.someOff(stage.off.size);
    parts.forEach((part) => {
      part.element.hidden = stage.image === null;
      if (stage.image) part.update();
      else part.stop();
    });
  }

  stage.listen(() => {
    if (!stage.image) parts.forEach((part) => part.stop()); // now: the next slice would find no image
    updateLater();
  });
  return {
    name: 'breaking',
    element,
    open() {
      isOpen = true;
      update();
    },
    close() {
      isOpen = false;
      parts.forEach((part) => part.stop());
    },
    distortion,
    units,
    snapshots,
  };
}
