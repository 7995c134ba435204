/** A run of training in words and numbers: what was set, how far it has come, what has gone wrong. */

import { make, setText } from './dom.js';
import { format, percent } from './numbers.js';
import { TEXT } from './text.js';

const MEMORY = 0.85; // of the mean of the losses, in each step
const WORSE = 1.3; // times the loss before training: from here on the loss is said to rise

/** A run: its trainer and the settings that it was trained with, each value once in a row. */
export function makeRun(trainer) {
  const { kind } = trainer.layers[1];
  return { trainer, activation: kind, rate: [], hasMomentum: [], isForgetful: [] };
}

/** Note the settings that the next step of a run takes. */
export function noteSettings(run, settings) {
  for (const name of ['rate', 'hasMomentum', 'isForgetful']) {
    if (run[name].at(-1) !== settings[name]) run[name].push(settings[name]);
  }
}

/** "ReLU, rate 0.1 → 0.01, no momentum" */
export function describeRun({ activation, rate, hasMomentum, isForgetful }) {
  const text = TEXT.training;
  const parts = [text.activations[activation]];
  if (rate.length) parts.push(text.rateOf(shorten(rate).join(' → ')));
  if (hasMomentum.includes(false)) parts.push(text.withoutMomentum(hasMomentum.includes(true)));
  if (isForgetful.includes(true)) parts.push(text.forgetful(isForgetful.includes(false)));
  return parts.join(', ');
}

/** A rate that was changed many times: the first and the last two. */
function shorten(rates) {
  return rates.length > 3 ? [rates[0], '…', ...rates.slice(-2)] : rates;
}

/** The mean of the losses up to each step; later ones count more. */
export function smoothLosses(losses) {
  let total = 0;
  let share = 0;
  return losses.map((loss) => {
    total = MEMORY * total + (1 - MEMORY) * loss;
    share = MEMORY * share + (1 - MEMORY);
    return total / share;
  });
}

/** The numbers and the sentence under the controls: {element, show(run, {isRunning, speed})}. */
export function buildReport() {
  const element = make('div', '', { class: 'training-report' });
  const list = make('dl', '', { class: 'training-numbers' });
  const values = {};
  for (const [name, label] of Object.entries(TEXT.training.numbers)) {
    const entry = make('div');
    values[name] = make('dd', '–');
    entry.append(make('dt', label), values[name]);
    list.append(entry);
  }
  const status = make('p', '', { role: 'status', 'aria-live': 'polite', class: 'training-status' });
  element.append(list, status);

  return {
    element,
    show(run, { isRunning, speed }) {
      const { trainer } = run;
      const { steps, losses, tests, seen, epochs } = trainer;
      const loss = smoothLosses(losses.slice(-60)).at(-1);
      values.epochs.textContent = epochs.toFixed(2);
      values.seen.textContent = seen.toLocaleString('en');
      values.loss.textContent = steps ? format(loss) : '–';
      values.accuracy.textContent = tests.length ? percent(tests.at(-1)[1]) : '–';
      values.speed.textContent = speed ? speed.toFixed(0) : '–';
      const problem = problemOf(run, loss);
      setText(status, problem || progressOf(trainer, isRunning));
      status.classList.toggle('is-problem', problem !== '');
    },
  };
}

function problemOf({ trainer, activation, rate, isForgetful }, loss) {
  const text = TEXT.training;
  const { steps, losses, isDiverged, isSilent } = trainer;
  const advice = isForgetful.includes(true) ? text.advice.forget : text.advice.rate;
  if (isDiverged) {
    const say = (value) => (Number.isNaN(value) ? text.notANumber : format(value));
    const last = losses.slice(-4).map(say).join(', ');
    return `${text.diverged(steps, last, rate.at(-1))} ${advice}`;
  }
  if (isSilent) return `${text.silent[activation]} ${advice}`;
  return loss > WORSE * losses[0] ? `${text.worse(format(losses[0]))} ${advice}` : '';
}

function progressOf({ steps, epochs, tests, isTesting }, isRunning) {
  const text = TEXT.training;
  // Before the test of this step is finished, its share is not known.
  if (isRunning || (isTesting && steps > 0)) return text.running;
  if (steps === 0) return text.ready;
  return text.paused(epochs.toFixed(2), percent(tests.at(-1)[1]));
}
