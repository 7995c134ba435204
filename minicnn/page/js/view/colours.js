/** The colours of minicnn.viz: grey from 0 up; white at 0, red above and blue below it. */

// ColorBrewer's RdBu, from the most negative to the most positive.
const DIVERGING = [
  [5, 48, 97],
  [33, 102, 172],
  [67, 147, 195],
  [146, 197, 222],
  [209, 229, 240],
  [247, 247, 247],
  [253, 219, 199],
  [244, 165, 130],
  [214, 96, 77],
  [178, 24, 43],
  [103, 0, 31],
];

/** The scale of some numbers: grey up to the largest, or centred on 0 if there are any below it. */
export function scaleOf(numbers) {
  let low = 0;
  let high = 0;
  let isSigned = false;
  for (const number of numbers) {
    if (number < 0) isSigned = true;
    if (!Number.isFinite(number)) continue; // has the last colour; the others keep theirs
    if (number < low) low = number;
    if (number > high) high = number;
  }
  return { isSigned, reach: Math.max(-low, high) || 1 };
}

/** The colour [red, green, blue] of a number on a scale. */
export function colourOf(number, { isSigned, reach }) {
  const share = Math.min(Math.max(number / reach, -1), 1) || 0; // NaN as 0
  if (!isSigned) return [255 * share, 255 * share, 255 * share];
  const at = ((share + 1) / 2) * (DIVERGING.length - 1);
  const below = Math.min(Math.floor(at), DIVERGING.length - 2);
  return DIVERGING[below].map((c, i) => c + (at - below) * (DIVERGING[below + 1][i] - c));
}

/** Black or white, whichever has the higher contrast to a colour: 4.5 to 1 or more. */
export function inkOn(colour) {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return luminance > 0.179 ? '#000' : '#fff'; // there both have the same contrast
}

/** Draw an image [C, H, W] from 0 to 1, grey or in colours, into a canvas of its size. */
export function drawImage(canvas, { shape: [channels, height, width], data }) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  const picture = context.createImageData(width, height);
  const pixels = height * width;
  for (let at = 0; at < pixels; at += 1) {
    for (let c = 0; c < 3; c += 1) {
      picture.data[4 * at + c] = 255 * data[(channels === 3 ? c : 0) * pixels + at];
    }
    picture.data[4 * at + 3] = 255;
  }
  context.putImageData(picture, 0, 0);
}

/** Draw one map [H, W] of numbers into a canvas of its size, on a scale. */
export function drawMap(canvas, data, height, width, scale = scaleOf(data)) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  const picture = context.createImageData(width, height);
  paintRows(picture, data, { scale, width, height });
  context.putImageData(picture, 0, 0);
}

/** Paint a map [height, width] that starts at `from` in the data with its corner at (left, top). */
export function paintRows(picture, data, { scale, width, height, from = 0, left = 0, top = 0 }) {
  const pixels = new Uint32Array(picture.data.buffer);
  const table = scale.isSigned ? SIGNED : UNSIGNED;
  const [middle, factor] = scale.isSigned ? [LEVELS / 2, LEVELS / 2] : [0, LEVELS];
  let source = from;
  for (let i = 0; i < height; i += 1) {
    let to = (top + i) * picture.width + left;
    for (let j = 0; j < width; j += 1) {
      const level = middle + (factor * data[source]) / scale.reach;
      pixels[to] = table[Math.min(Math.max(Math.round(level), 0), LEVELS) || 0];
      source += 1;
      to += 1;
    }
  }
}

const LEVELS = 512;
const [SIGNED, UNSIGNED] = [true, false].map((isSigned) =>
  Uint32Array.from({ length: LEVELS + 1 }, (_, level) => {
    const share = level / LEVELS;
    const colour = colourOf(isSigned ? 2 * share - 1 : share, { isSigned, reach: 1 });
    const [red, green, blue] = colour.map(Math.round);
    return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0; // the order of an ImageData's bytes
  }),
);
