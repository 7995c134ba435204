/** What all panels share: the network, the image that is shown, and the outputs of the layers. */

import { decodeArray, decodeLayers, probabilities, runLayers } from '../network/run.js';
import { decodeImages } from '../network/values.js';

/**
 * The stage for what page/contents.py has written.
 *
 *   layers, shapes   the layers, and the shapes of the image and of each output
 *   image, outputs   what is shown, and the image and each output; null if nothing is
 *   off              the units that are switched off, as 'layer number/unit'
 *   problem          why nothing is shown, '' if there is no reason
 *
 * show(image) sends an image through the network and tells all who listen; so do switchUnit and
 * switchAllOn.
 */
export function makeStage(contents) {
  const layers = decodeLayers(contents.layers);
  const listeners = [];
  const stage = {
    layers,
    shapes: [contents.imageShape, ...layers.map((layer) => layer.shape)],
    classes: contents.classes.map(isolate),
    imageShape: contents.imageShape,
    inkBox: contents.inkBox,
    samples: contents.samples.map(({ name, bytes, image }) => ({
      name,
      image: image ? decodeArray(image) : decodeImages(contents.imageShape, bytes)[0],
    })),
    digits: contents.digits,
    snapshots: contents.snapshots,
    off: new Set(),
    image: null,
    outputs: null,
    problem: '',

    listen(listener) {
      listeners.push(listener);
    },
    show(image, problem = '') {
      stage.image = image;
      stage.problem = problem;
      stage.outputs = image && runLayers(layers, image, isOff);
      listeners.forEach((listener) => listener(stage));
    },
    switchUnit(number, unit, isOn) {
      const key = `${number}/${unit}`;
      if (isOn) stage.off.delete(key);
      else stage.off.add(key);
      stage.show(stage.image, stage.problem);
    },
    switchAllOn() {
      stage.off.clear();
      stage.show(stage.image, stage.problem);
    },
    isOff,
    asProbabilities,
    /** The probabilities of the classes for an image, with the units that are on. */
    answer(image) {
      return asProbabilities(runLayers(layers, image, isOff).at(-1).data);
    },
    /** The probabilities for the image that is shown. */
    probabilities() {
      return stage.outputs && asProbabilities(stage.outputs.at(-1).data);
    },
  };

  function isOff(number, unit) {
    return stage.off.has(`${number}/${unit}`);
  }

  // What the scores are; layers that change no number may come after it.
  const { kind } = layers.findLast((layer, at) => !isCopy(layer, layers[at - 1])) ?? {};

  /** The probabilities of the classes for what the last layer says. */
  function asProbabilities(scores) {
    if (kind === 'softmax' || kind === 'sigmoid') return Array.from(scores);
    if (kind === 'log_softmax') return Array.from(scores, Math.exp);
    return probabilities(scores);
  }

  return stage;
}

/** A name that may stand in a sentence: one that is read from right to left leaves its order as it is. */
function isolate(name) {
  return /\p{Script=Hebrew}|\p{Script=Arabic}/u.test(name) ? `\u2068${name}\u2069` : name;
}

/** Whether a layer hands on the numbers of the one before it, one for each class. */
function isCopy({ kind, shape }, before) {
  return kind === 'identity' || (kind === 'flatten' && before?.shape[0] === shape[0]);
}
