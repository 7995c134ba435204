/** Values, {shape, data}: maps have the shape [C, H, W], vectors [K]; data is a Float32Array. */

/** A value of a shape, filled with zeros. */
export function zeros(shape) {
  return { shape, data: new Float32Array(shape.reduce((product, n) => product * n, 1)) };
}

/** Where the number at a place [c, i, j] or [k] stands in the data of a value with this shape. */
export function indexOf(shape, place) {
  return place.reduce((index, at, axis) => index * shape[axis] + at, 0);
}

/** The numbers of one map, or the number of one unit, of a value. */
export function mapOf({ shape, data }, unit) {
  const size = data.length / shape[0];
  return data.subarray(unit * size, (unit + 1) * size);
}

export function sumOf(numbers) {
  return numbers.reduce((a, b) => a + b, 0);
}

/** The smallest and the largest number; [0, 0] of none. */
export function rangeOf(numbers) {
  if (numbers.length === 0) return [0, 0];
  let [low, high] = [Infinity, -Infinity];
  for (const number of numbers) {
    if (number < low) low = number;
    if (number > high) high = number;
  }
  return [low, high];
}

/** The bytes that a base64 text stands for. */
export function decodeBytes(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** The float32 numbers that a base64 text stands for. */
export function decodeNumbers(text) {
  return new Float32Array(decodeBytes(text).buffer);
}

/** The float16 numbers that a base64 text stands for: a sign, 5 bits of exponent, 10 of fraction. */
export function decodeHalves(text) {
  const halves = new Uint16Array(decodeBytes(text).buffer);
  return Float32Array.from(halves, (half) => {
    const sign = half >> 15 ? -1 : 1;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1024 + fraction) * 2 ** (exponent - 25);
  });
}

/** The images of a shape, from 0 to 1, whose bytes stand one after the other in a base64 text. */
export function decodeImages(shape, text) {
  const pixels = Float32Array.from(decodeBytes(text), (byte) => byte / 255);
  const size = shape.reduce((product, n) => product * n, 1);
  return Array.from({ length: pixels.length / size }, (_, n) => ({
    shape,
    data: pixels.subarray(n * size, (n + 1) * size),
  }));
}
