/** Random numbers from a seed, so that a run can be repeated. */

import { zeros } from './values.js';

/**
 * A generator of numbers from 0 up to 1, without 1: random(). It is mulberry32 (Ettinger, 2017): a
 * counter of 32 bits, whose bits are mixed by two multiplications.
 */
export function makeRandom(seed) {
  let counter = seed | 0;
  return () => {
    counter = (counter + 0x6d2b79f5) | 0;
    let mixed = Math.imul(counter ^ (counter >>> 15), counter | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A generator of standard normal numbers, by Box and Muller's transform of uniform ones. */
export function makeNormal(seed) {
  const random = makeRandom(Math.imul(seed, 0x9e3779b9)); // so that seeds in a row lie far apart
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** A value of a shape, its numbers uniform between -bound and bound. */
export function uniform(shape, bound, random) {
  const { data } = zeros(shape);
  return { shape, data: data.map(() => bound * (2 * random() - 1)) };
}

/** The numbers 0 to count - 1 in random order (Fisher and Yates, 1938). */
export function shuffledNumbers(count, random) {
  const order = Array.from({ length: count }, (_, n) => n);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}
