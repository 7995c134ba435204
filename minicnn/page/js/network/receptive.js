/**
 * Which numbers of its input a number depends on, from the sizes of the layers only.
 *
 * A block is a range [first, last] for each axis of a value: three for maps, one for a vector.
 */

/**
 * The block of the image that the number at a place of layer `number`'s output depends on: [0, -1] on
 * each axis for padding that copies nothing.
 */
export function receptiveField(layers, shapes, number, place) {
  let block = place.map((at) => [at, at]);
  for (let n = number; n >= 0; n -= 1) {
    block = inputBlock(layers[n], shapes[n], block);
    if (block.some(([first, last]) => last < first)) return shapes[0].map(() => [0, -1]);
  }
  return block;
}

/** The block of a layer's input, of this shape, that a block of its output is computed from. */
export function inputBlock(layer, shape, block) {
  const find = BLOCKS[layer.kind] ?? BLOCKS[layer.window ? 'pooling' : 'elementwise'];
  return find(layer, shape, block);
}

function underWindow(window, axis, [first, last], size) {
  const { stride, padding, dilation, kernel } = window;
  const span = dilation[axis] * (kernel[axis] - 1);
  const start = first * stride[axis] - padding[axis][0];
  const stop = last * stride[axis] - padding[axis][0] + span;
  return [clamp(start, size), clamp(stop, size)];
}

function underWindows({ window }, [, height, width], [, rows, columns]) {
  return [underWindow(window, 0, rows, height), underWindow(window, 1, columns, width)];
}

function clamp(at, size) {
  return Math.min(Math.max(at, 0), size - 1);
}

function whole(shape) {
  return shape.map((size) => [0, size - 1]);
}

function ofConvolution(layer, shape, block) {
  const [outputs, inputs] = layer.weight.shape;
  const [first, last] = block[0].map((o) => Math.floor(o / (outputs / layer.groups)) * inputs);
  return [[first, last + inputs - 1], ...underWindows(layer, shape, block)];
}

/** Of the rows or columns that are copied; where there is only padding, none: [0, -1]. */
function copied(sources, [first, last]) {
  const seen = sources.slice(first, last + 1).filter((source) => source >= 0);
  return seen.length ? [Math.min(...seen), Math.max(...seen)] : [0, -1];
}

function ofFlatten(layer, shape, [[first, last]]) {
  if (first !== last || shape.length === 1) {
    return shape.length === 1 ? [[first, last]] : whole(shape);
  }
  const [, height, width] = shape;
  const rest = first % (height * width);
  const place = [Math.floor(first / (height * width)), Math.floor(rest / width), rest % width];
  return place.map((at) => [at, at]);
}

function ofResponseNorm({ size }, [channels], [[first, last], ...pixels]) {
  const before = Math.floor(size / 2);
  return [[clamp(first - before, channels), clamp(last - before + size - 1, channels)], ...pixels];
}

/** The columns of a matrix of bilinear weights that its rows first to last use. */
function weighted({ shape, data }, [first, last]) {
  const used = [];
  for (let row = first; row <= last; row += 1) {
    for (let at = 0; at < shape[1]; at += 1) if (data[row * shape[1] + at] !== 0) used.push(at);
  }
  return [Math.min(...used), Math.max(...used)];
}

function inRegions(regions, [first, last]) {
  return [regions[first][0], regions[last][1] - 1];
}

function ofRegions(layer, shape, [channels, rows, columns]) {
  return [channels, inRegions(layer.rows, rows), inRegions(layer.columns, columns)];
}

function ofMap(layer, shape, [channels]) {
  return [channels, ...whole(shape).slice(1)];
}

const BLOCKS = {
  conv2d: ofConvolution,
  linear: (layer, shape) => whole(shape),
  pooling: (layer, shape, block) => [block[0], ...underWindows(layer, shape, block)],
  global_max_pool2d: ofMap,
  global_min_pool2d: ofMap,
  global_avg_pool2d: ofMap,
  adaptive_max_pool2d: ofRegions,
  adaptive_avg_pool2d: ofRegions,
  pad2d: ({ rows, columns }, shape, block) => [
    block[0],
    copied(rows, block[1]),
    copied(columns, block[2]),
  ],
  resize: ({ rows, columns }, shape, block) => [
    block[0],
    weighted(rows, block[1]),
    weighted(columns, block[2]),
  ],
  flatten: ofFlatten,
  local_response_norm: ofResponseNorm,
  softmax: (layer, shape, block) => [[0, shape[0] - 1], ...block.slice(1)],
  log_softmax: (layer, shape, block) => [[0, shape[0] - 1], ...block.slice(1)],
  elementwise: (layer, shape, block) => block,
};
