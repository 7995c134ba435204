/** The panel in which a network learns: it trains between two frames, and the views follow it. */

import { Trainer, decodeDigits } from '../network/trainer.js';
import { make, wantsLessMotion } from './dom.js';
import { makeSlices } from './slices.js';
import { TEXT } from './text.js';
import { buildControls } from './training_controls.js';
import { buildCurves } from './training_curves.js';
import { buildMaps } from './training_maps.js';
import { buildReport, makeRun, noteSettings } from './training_report.js';
import { buildSubjects } from './training_subjects.js';

const PAUSE = wantsLessMotion() ? 1000 : 160; // milliseconds between two drawings of the curves
const EARLIER = 3; // runs that stay

export function buildTraining(stage) {
  const element = make('section', '', { class: 'training' });
  const settings = { activation: 'relu', rate: 0.1, hasMomentum: true, isForgetful: false };
  const chain = make('p', '', { class: 'soft small' });
  const slices = makeSlices();
  let runs = []; // the current one first
  let parts = null; // built when the panel is first opened
  let isOpen = false;
  let goal = 0; // the step to reach; a test that is due is finished before and after
  let drawn = 0; // when the panel was last drawn
  let mark = { time: 0, steps: 0 }; // where the measurement of the speed began
  let speed = 0;

  function build() {
    const digits = decodeDigits(stage.digits);
    const begin = () => {
      runs = [makeRun(new Trainer(digits, settings.activation)), ...runs];
      runs = [runs[0], ...runs.slice(1).filter(({ trainer }) => trainer.steps > 0)];
      runs = runs.slice(0, 1 + EARLIER);
    };
    const actions = {
      toggle: () => setGoal(isRunning() ? 0 : Infinity),
      step: () => setGoal(current().steps + 1),
      epoch() {
        const { steps, stepsPerEpoch } = current();
        setGoal((Math.floor(steps / stepsPerEpoch) + 1) * stepsPerEpoch);
      },
      restart() {
        const wasRunning = goal === Infinity && isRunning();
        begin();
        speed = 0;
        setGoal(wasRunning ? Infinity : 0);
      },
      change: () => show(),
    };
    begin();
    parts = {
      controls: buildControls(settings, actions),
      report: buildReport(),
      curves: buildCurves(),
      subjects: buildSubjects(digits, stage, () => showNetwork()),
      maps: buildMaps(),
    };
    const { train, test } = digits;
    const counts = [current().countWeights(), train.labels.length, test.labels.length];
    const say = (count) => count.toLocaleString('en');
    element.append(
      make('h2', TEXT.training.title),
      make('p', TEXT.training.intro(...counts.map(say))),
      chain,
      ...['controls', 'report', 'curves', 'subjects', 'maps'].map((name) => parts[name].element),
    );
  }

  function current() {
    return runs[0].trainer;
  }

  function isRunning() {
    return !current().isDiverged && current().steps < goal;
  }

  function setGoal(steps) {
    goal = steps;
    mark = { time: performance.now(), steps: current().steps };
    show();
    slices.run(learn(), showProgress);
  }

  /** The steps up to the goal, and the test that is due after them. */
  function* learn() {
    const trainer = current();
    while (isRunning() || trainer.isTesting) {
      const { rate, hasMomentum, isForgetful } = settings;
      if (!trainer.isTesting) noteSettings(runs[0], settings);
      trainer.advance({ rate, momentum: hasMomentum ? 0.9 : 0, isForgetful });
      yield;
    }
  }

  /** Draw what has been learnt, not after every slice: that would take the time from learning. */
  function showProgress(isDone) {
    const time = performance.now();
    if (!isDone && time - drawn < PAUSE) return;
    measureSpeed(time);
    drawn = time;
    show();
  }

  /** Steps per second, over half a second or more where there is as much. */
  function measureSpeed(time) {
    const [seconds, steps] = [(time - mark.time) / 1000, current().steps - mark.steps];
    if (steps < 5 || (isRunning() && seconds < 0.5)) return;
    speed = steps / seconds;
    mark = { time, steps: current().steps };
  }

  function show() {
    if (!isOpen) return;
    chain.textContent = TEXT.training.network(TEXT.training.activations[settings.activation]);
    const state = { isRunning: isRunning(), speed, settings };
    parts.controls.show(current(), state);
    parts.report.show(runs[0], state);
    parts.curves.show(runs);
    showNetwork();
  }

  function showNetwork() {
    const { layers } = current();
    parts.maps.show(layers, parts.subjects.show(layers));
  }

  stage.listen(() => {
    if (isOpen) showNetwork();
  });

  return {
    name: 'training',
    element,
    open() {
      if (!parts) build();
      isOpen = true;
      setGoal(0);
    },
    close() {
      isOpen = false;
      goal = 0;
      slices.stop();
    },
    /** The run that is under way, for tests. */
    trainer: () => current(),
  };
}
