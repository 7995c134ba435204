/** Random numbers from a seed, so that a run can be repeated. */

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

/** A value of a shape, its numbers uniform between -bound and bound. */
export function uniform(shape, bound, random) {
  const size = shape.reduce((product, n) => product * n, 1);
  return { shape, data: Float32Array.from({ length: size }, () => bound * (2 * random() - 1)) };
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
