/** The tabs above the panels, and what the address of the page says: #panel=lab, #layer=conv2&unit=3. */

import { find, make, wantsLessMotion } from './dom.js';
import { TEXT } from './text.js';

const LOWEST = 0.3; // share of the screen above a panel of which enough is seen

/**
 * Make a tab for each panel {name, element, open(), close()}, which are called when it is shown and
 * when another one is. Returns { open(name), reveal(name) }; reveal scrolls to a panel that begins out
 * of sight, as on a phone.
 */
export function makePanels(panels) {
  const tabs = find('tabs');
  let current = '';

  panels.forEach(({ name, element }, number) => {
    element.id = `panel-${name}`;
    element.setAttribute('role', 'tabpanel');
    element.setAttribute('aria-labelledby', `tab-${name}`);
    const tab = make('button', TEXT.panelNames[name], {
      type: 'button',
      role: 'tab',
      id: `tab-${name}`,
      'aria-controls': element.id,
    });
    tab.addEventListener('click', () => {
      open(name);
      reveal(name);
      writeAddress({ panel: name });
    });
    tab.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      const next = panels[(number + step + panels.length) % panels.length];
      find(`tab-${next.name}`).focus();
      find(`tab-${next.name}`).click();
    });
    tabs.append(tab);
    find('panels').append(element);
  });

  function open(name) {
    if (name === current) return;
    current = name;
    panels.forEach((panel) => {
      const isChosen = panel.name === name;
      panel.element.hidden = !isChosen;
      const tab = find(`tab-${panel.name}`);
      tab.setAttribute('aria-selected', isChosen);
      tab.tabIndex = isChosen ? 0 : -1;
      if (isChosen) panel.open();
      else panel.close();
    });
  }

  function reveal(name) {
    const { element } = panels.find((panel) => panel.name === name);
    const share = element.getBoundingClientRect().top / window.innerHeight;
    if (share >= 0 && share <= LOWEST) return;
    element.scrollIntoView({ behavior: wantsLessMotion() ? 'auto' : 'smooth' });
  }

  return { open, reveal };
}

/** What the address says, by name. */
export function readAddress() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

/**
 * Write what is shown into the address, which can then be copied; a frame in a notebook has none. The
 * image of the data set that is shown stays in it.
 */
export function writeAddress(values) {
  const { sample } = readAddress();
  replaceAddress({ ...(sample && { sample }), ...values });
}

/** Note in the address which image of the data set is shown, or none. */
export function writeSample(number) {
  const { sample, ...others } = readAddress();
  if (String(number) !== String(sample)) {
    replaceAddress({ ...(number !== undefined && { sample: number }), ...others });
  }
}

function replaceAddress(values) {
  const text = new URLSearchParams(values).toString().replaceAll('%2C', ',');
  try {
    history.replaceState(null, '', `#${text}`);
  } catch {
    // A page in a notebook has no address of its own.
  }
}
