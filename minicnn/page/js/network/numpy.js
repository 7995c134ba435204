/** Rounding, sums and quantiles with the very results of NumPy, in float32 where NumPy has float32. */

const { fround } = Math;

/** The nearest integer; a half goes to the even one. */
export function roundToEven(x) {
  const nearest = Math.round(x);
  return nearest - x === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}

/** The largest of some numbers that are not negative. */
export function largestOf(numbers) {
  let largest = 0;
  for (let k = 0; k < numbers.length; k += 1) if (numbers[k] > largest) largest = numbers[k];
  return largest;
}

/** np.median of float32 numbers. */
export function medianOf(numbers) {
  const sorted = Float32Array.from(numbers).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : fround(sorted[middle - 1] + sorted[middle]) / 2;
}

/** np.median of float32 numbers, of which counts[k] are values[k]; the values ascend. */
export function medianOfCounts(counts, values, total) {
  const upper = total >> 1;
  const lower = total % 2 ? upper : upper - 1;
  let [k, passed] = [0, counts[0]];
  while (passed <= lower) passed += counts[(k += 1)];
  const low = values[k];
  while (passed <= upper) passed += counts[(k += 1)];
  return fround(low + values[k]) / 2;
}

/** np.quantile of float32 numbers, with linear interpolation. The numbers are sorted in place. */
export function quantileOf(numbers, q) {
  numbers.sort();
  const place = (numbers.length - 1) * q;
  const before = Math.min(Math.floor(place), numbers.length - 1);
  const share = place - before;
  const [low, high] = [numbers[before], numbers[Math.min(before + 1, numbers.length - 1)]];
  const step = fround(high - low);
  return fround(share >= 0.5 ? high - step * (1 - share) : low + step * share);
}

/**
 * np.sum of contiguous float32 numbers: eight partial sums, and halves of what is longer than 128.
 * The order decides how the last bit is rounded.
 */
export function sumPairwise(numbers, start = 0, length = numbers.length) {
  if (length > 128) {
    const half = (length >> 1) - ((length >> 1) % 8);
    return fround(
      sumPairwise(numbers, start, half) + sumPairwise(numbers, start + half, length - half),
    );
  }
  let [sum, k] = [0, 0];
  if (length >= 8) {
    const parts = numbers.slice(start, start + 8);
    for (k = 8; k + 8 <= length; k += 8) {
      for (let p = 0; p < 8; p += 1) parts[p] += numbers[start + k + p];
    }
    const [a, b, c, d, e, f, g, h] = parts;
    const add = (...pair) => fround(pair[0] + pair[1]);
    sum = add(add(add(a, b), add(c, d)), add(add(e, f), add(g, h)));
  }
  for (; k < length; k += 1) sum = fround(sum + numbers[start + k]);
  return sum;
}
