/** Earlier states of the network: its layers with the weights that page/snapshots.py has kept. */

import { decodeArray } from './run.js';

/** The layers of the final network with the weights of a snapshot {epoch, layers}, by layer name. */
export function layersAt(layers, snapshot) {
  return layers.map((layer) => {
    const kept = Object.entries(snapshot.layers[layer.name] ?? {});
    return {
      ...layer,
      ...Object.fromEntries(kept.map(([name, value]) => [name, decodeArray(value)])),
    };
  });
}
