/** Pictures of bytes in another size, with the very results of Pillow's Image.resize. */

const { fround } = Math;
const BITS = 22; // Pillow computes in integers: a weight of 1 is 2 to the power of 22

/** Filters: how far they reach, in pixels of the smaller picture, and the weight at a distance. */
export const LANCZOS = {
  reach: 3,
  weigh: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0),
};
export const BOX = { reach: 0.5, weigh: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) };
export const BILINEAR = { reach: 1, weigh: (x) => Math.max(1 - Math.abs(x), 0) };

function sinc(x) {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/**
 * One channel {data, width, height} scaled to newWidth x newHeight. box, [left, top, right, bottom]
 * with fractions of pixels, is the part to scale; without it, the whole picture.
 */
export function resize(picture, newWidth, newHeight, filter, box) {
  const { width, height } = picture;
  const [left, top, right, bottom] = box ? box.map(fround) : [0, 0, width, height];
  const passes = [];
  if (newWidth !== width || left !== 0 || right !== newWidth) {
    const weights = weighPixels(width, left, right, newWidth, filter);
    passes.push((made) => resampleRows(made, weights));
  }
  if (newHeight !== height || top !== 0 || bottom !== newHeight) {
    const weights = weighPixels(height, top, bottom, newHeight, filter);
    passes.push((made) => resampleColumns(made, weights));
  }
  // Bytes are rounded after each pass, so their order matters. This is Pillow's since version 13;
  // the rows always came first before.
  if (height - newHeight > Math.max(2 * (width - newWidth), 0)) passes.reverse();
  return passes.reduce((made, pass) => pass(made), picture);
}

/**
 * For each of `count` new pixels the first old one that it is made of, how many there are, and from
 * place k * most on the weight of each.
 */
function weighPixels(size, start, end, count, { reach, weigh }) {
  const scale = fround(end - start) / count;
  const wider = Math.max(scale, 1);
  const [support, narrower] = [reach * wider, 1 / wider];
  const most = 2 * Math.ceil(support) + 1;
  const [firsts, counts] = [new Int32Array(count), new Int32Array(count)];
  const weights = new Int32Array(count * most);
  const exact = new Float64Array(most);
  for (let k = 0; k < count; k += 1) {
    const centre = start + (k + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const used = Math.min(Math.trunc(centre + support + 0.5), size) - first;
    let sum = 0;
    for (let n = 0; n < used; n += 1) {
      exact[n] = weigh((n + first - centre + 0.5) * narrower);
      sum += exact[n];
    }
    for (let n = 0; n < used; n += 1) {
      weights[k * most + n] = toFixedPoint(sum === 0 ? exact[n] : exact[n] / sum);
    }
    firsts[k] = first;
    counts[k] = used;
  }
  return { firsts, counts, weights, most };
}

function toFixedPoint(weight) {
  return Math.trunc(weight * 2 ** BITS + (weight < 0 ? -0.5 : 0.5));
}

/** Each row with as many pixels as there are weights. */
function resampleRows({ data, width, height }, { firsts, counts, weights, most }) {
  const newWidth = firsts.length;
  const made = new Uint8ClampedArray(newWidth * height);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < newWidth; column += 1) {
      const from = row * width + firsts[column];
      const first = column * most;
      const count = counts[column];
      let sum = 1 << (BITS - 1); // a half, since the bits below are cut off
      for (let n = 0; n < count; n += 1) {
        sum = (sum + Math.imul(data[from + n], weights[first + n])) | 0;
      }
      made[row * newWidth + column] = sum >> BITS; // which the array clamps to 0..255
    }
  }
  return { data: made, width: newWidth, height };
}

/** Each column with as many pixels as there are weights: whole rows are added up. */
function resampleColumns({ data, width }, { firsts, counts, weights, most }) {
  const newHeight = firsts.length;
  const made = new Uint8ClampedArray(width * newHeight);
  const sums = new Int32Array(width);
  for (let row = 0; row < newHeight; row += 1) {
    sums.fill(1 << (BITS - 1));
    for (let n = 0; n < counts[row]; n += 1) {
      const from = (firsts[row] + n) * width;
      const weight = weights[row * most + n];
      for (let column = 0; column < width; column += 1) {
        sums[column] += Math.imul(data[from + column], weight);
      }
    }
    for (let column = 0; column < width; column += 1) {
      made[row * width + column] = sums[column] >> BITS;
    }
  }
  return { data: made, width, height: newHeight };
}
