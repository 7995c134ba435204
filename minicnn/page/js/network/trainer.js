/** A small convolutional network that learns the bundled digits, one batch at a time. */

import { backward, crossEntropy, makeGradients } from './gradients.js';
import { makeRandom, shuffledNumbers, uniform } from './random.js';
import { bestOf, runLayers } from './run.js';
import { decodeImages } from './values.js';

const SIDE = 8; // pixels of a digit
const CLASSES = 10;
const BATCH = 32;
const TESTS = 4; // in an epoch
const TESTED = 48; // images at a time, so that a page that trains between two frames stays smooth

/** The digits of page/contents.py as {train, test}, each {images: [values], labels}. */
export function decodeDigits(digits) {
  const decode = ({ images, labels }) => ({
    images: decodeImages([1, SIDE, SIDE], images),
    labels,
  });
  return { train: decode(digits.train), test: decode(digits.test) };
}

/**
 * Twice convolution 3x3, activation ('relu' or 'sigmoid') and max pooling 2, then a dense layer. Its
 * weights and biases are uniform in ±1 / sqrt(inputs of one sum), as in minicnn's nn.Conv2d.
 */
export function makeNetwork(activation, random) {
  const weights = (shape, fanIn) => ({
    weight: uniform(shape, 1 / Math.sqrt(fanIn), random),
    bias: uniform([shape[0]], 1 / Math.sqrt(fanIn), random),
  });
  const convolution = (inputs, outputs, size) => ({
    kind: 'conv2d',
    groups: 1,
    window: makeWindow(3, 1, 1, size),
    ...weights([outputs, inputs, 3, 3], inputs * 9),
  });
  const pooling = (size) => ({ kind: 'max_pool2d', window: makeWindow(2, 2, 0, size) });
  return [
    convolution(1, 8, SIDE),
    { kind: activation },
    pooling(SIDE / 2),
    convolution(8, 16, SIDE / 2),
    { kind: activation },
    pooling(SIDE / 4),
    { kind: 'flatten' },
    { kind: 'linear', ...weights([CLASSES, 64], 64) },
  ];
}

function makeWindow(kernel, stride, padding, output) {
  const pair = (n) => [n, n];
  return {
    kernel: pair(kernel),
    stride: pair(stride),
    dilation: pair(1),
    padding: [pair(padding), pair(padding)],
    output: pair(output),
  };
}

/**
 * Add the gradients of the mean loss of a batch to `sums`. Returns the loss, and whether the input of
 * the last layer is 0 for every image, so that nothing before it can learn.
 */
export function addGradients(layers, images, labels, sums) {
  let loss = 0;
  let isSilent = true;
  images.forEach((image, n) => {
    const outputs = runLayers(layers, image);
    const found = crossEntropy(outputs.at(-1).data, labels[n]);
    loss += found.loss / images.length;
    isSilent &&= outputs.at(-2).data.every((a) => a === 0);
    backward(layers, outputs, found.grad.map((g) => g / images.length), sums); // prettier-ignore
  });
  return { loss, isSilent };
}

/** Stochastic gradient descent: b = momentum · b + gradient, weight = weight - rate · b. */
export function makeOptimizer(layers) {
  const gradients = makeGradients(layers);
  const buffers = makeGradients(layers);
  return {
    gradients,
    zeroGradients() {
      gradients.forEach((sums) => Object.values(sums).forEach((sum) => sum.fill(0)));
    },
    step(rate, momentum) {
      gradients.forEach((sums, n) => {
        for (const [name, sum] of Object.entries(sums)) {
          const [weights, buffer] = [layers[n][name].data, buffers[n][name]];
          for (let k = 0; k < sum.length; k += 1) {
            buffer[k] = momentum * buffer[k] + sum[k];
            weights[k] -= rate * buffer[k];
          }
        }
      });
    },
  };
}

/** The class with the highest score. */
export function predict(layers, image) {
  return bestOf(runLayers(layers, image).at(-1).data);
}

/**
 * One run of training, from new weights. The same seed gives the same weights and the same order.
 *
 *   layers, steps         the network, and how many steps it has learnt
 *   losses                the loss of each step's batch
 *   tests                 [epochs, share of the test images that are right]
 *   isDiverged            whether the last loss was not a finite number: the run is over
 *   isSilent              whether all maps before the dense layer were 0 for the last batch
 */
export class Trainer {
  constructor(digits, activation, seed = 0) {
    this.digits = digits;
    this.layers = makeNetwork(activation, makeRandom(seed));
    this.optimizer = makeOptimizer(this.layers);
    this.random = makeRandom(seed + 1);
    this.order = [];
    this.stepsPerEpoch = Math.floor(digits.train.labels.length / BATCH);
    this.steps = 0;
    this.losses = [];
    this.tests = [];
    this.isDiverged = false;
    this.isSilent = false;
    this.test = { at: 0, right: 0 }; // the one in progress, null between two
  }

  /** Images learnt from, each as often as it was used. */
  get seen() {
    return this.steps * BATCH;
  }

  get epochs() {
    return this.steps / this.stepsPerEpoch;
  }

  /** Whether there is a test to finish before the next step. */
  get isTesting() {
    return this.test !== null;
  }

  countWeights() {
    const numbers = ({ weight, bias }) => (weight ? weight.data.length + bias.data.length : 0);
    return this.layers.reduce((total, layer) => total + numbers(layer), 0);
  }

  /** Do a little: part of the test that is due, else one step. settings: see `step`. */
  advance(settings) {
    if (this.isTesting) this.testSome();
    else this.step(settings);
  }

  /** One batch, with {rate, momentum, isForgetful}: forgetful steps do not zero the gradients. */
  step({ rate, momentum, isForgetful }) {
    const { images, labels } = this.digits.train;
    // Fewer than a batch are left out: a step from two images would undo much of what was learnt.
    if (this.order.length < BATCH) this.order = shuffledNumbers(labels.length, this.random);
    const batch = this.order.splice(0, BATCH);
    const pick = (list) => batch.map((n) => list[n]);
    if (!isForgetful) this.optimizer.zeroGradients();
    const { gradients } = this.optimizer;
    const found = addGradients(this.layers, pick(images), pick(labels), gradients);
    this.steps += 1;
    this.losses.push(found.loss);
    this.isSilent = found.isSilent;
    this.isDiverged = !Number.isFinite(found.loss);
    if (this.isDiverged) return;
    this.optimizer.step(rate, momentum);
    if (this.isTestDue()) this.test = { at: 0, right: 0 };
  }

  isTestDue() {
    const part = (steps) => Math.floor((steps * TESTS) / this.stepsPerEpoch);
    return part(this.steps) > part(this.steps - 1);
  }

  testSome() {
    const { images, labels } = this.digits.test;
    const stop = Math.min(this.test.at + TESTED, labels.length);
    for (; this.test.at < stop; this.test.at += 1) {
      if (predict(this.layers, images[this.test.at]) === labels[this.test.at]) this.test.right += 1;
    }
    if (stop < labels.length) return;
    this.tests.push([this.epochs, this.test.right / labels.length]);
    this.test = null;
  }
}
