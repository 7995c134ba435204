/** A network as page/describe.py writes it: its weights decoded, and its layers run one by one. */

import { FORWARD } from './layers.js';
import { decodeHalves, decodeNumbers } from './values.js';

/** The layers with their arrays as {shape, data}, and infinities as numbers. */
export function decodeLayers(layers) {
  return layers.map((layer) =>
    Object.fromEntries(Object.entries(layer).map(([name, value]) => [name, decodeValue(value)])),
  );
}

function decodeValue(value) {
  return value?.number === undefined ? decodeArray(value) : Number(value.number);
}

/** An array as {shape, data}, if it is one: float32 as `numbers`, float16 as `halves`. */
export function decodeArray(value) {
  if (value?.numbers !== undefined) {
    return { shape: value.shape, data: decodeNumbers(value.numbers) };
  }
  if (value?.halves !== undefined) return { shape: value.shape, data: decodeHalves(value.halves) };
  return value;
}

/**
 * The output of each layer for one image, in order; the first entry is the image itself.
 * isOff(layer number, unit) tells which units are switched off: their maps are set to 0.
 */
export function runLayers(layers, image, isOff = () => false) {
  const outputs = [image];
  layers.forEach((layer, number) => {
    const y = FORWARD[layer.kind](layer, outputs.at(-1));
    outputs.push(withoutUnits(y, (unit) => isOff(number, unit)));
  });
  return outputs;
}

/** A value with the maps or units set to 0 for which isOff(unit). */
export function withoutUnits(y, isOff) {
  const [units] = y.shape;
  const each = y.data.length / units;
  let { data } = y;
  for (let unit = 0; unit < units; unit += 1) {
    if (isOff(unit)) {
      data = data === y.data ? data.slice() : data; // flatten shares the data of its input
      data.fill(0, unit * each, (unit + 1) * each);
    }
  }
  return { shape: y.shape, data };
}

/** The class with the highest score or probability; the first one if some are not numbers. */
export function bestOf(scores) {
  return Math.max(scores.indexOf(Math.max(...scores)), 0);
}

/** The probabilities of scores: e^x / sum of e^x. */
export function probabilities(scores) {
  const highest = Math.max(...scores);
  const powers = Array.from(scores, (a) => Math.exp(a - highest));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((a) => a / total);
}
