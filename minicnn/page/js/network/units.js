/** What single maps and units of a layer do: the network from a layer on, with one of them set to 0. */

import { runLayers, withoutUnits } from './run.js';

/** The numbers of the layers whose units can be switched off one by one: those with kernels. */
export function layersWithUnits(layers) {
  return layers.flatMap(({ kind }, number) =>
    kind === 'conv2d' || kind === 'linear' ? [number] : [],
  );
}

/**
 * The scores of the classes if one unit of layer `number` is off too. outputs: the image and each
 * output, as runLayers returns them; only the layers after `number` are run.
 */
export function scoresWithout(layers, outputs, number, unit, isOff = () => false) {
  const first = number + 1;
  const without = withoutUnits(outputs[first], (k) => k === unit);
  const rest = layers.slice(first);
  return runLayers(rest, without, (later, k) => isOff(first + later, k)).at(-1).data;
}
