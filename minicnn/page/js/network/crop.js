/** Rectangles of a picture {data, width, height}, given by their first and last rows and columns. */

/** A rectangle that holds nothing yet, to be widened by `include`. */
export function emptyBox({ width, height }) {
  return { top: height, bottom: 0, left: width, right: 0 };
}

/** Widen a rectangle to a pixel. Rows come in order, so the last one is the lowest. */
export function include(box, row, column) {
  if (row < box.top) box.top = row;
  box.bottom = row;
  if (column < box.left) box.left = column;
  if (column > box.right) box.right = column;
}

/** The smallest rectangle that holds all pixels above `least`. */
export function boundingBox({ data, width, height }, least = 0) {
  const box = emptyBox({ width, height });
  for (let at = 0, row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, at += 1) {
      if (data[at] > least) include(box, row, column);
    }
  }
  return box;
}

/** What lies in a rectangle, with `more` pixels around it where the picture has them. */
export function crop(picture, { top, bottom, left, right }, more = 0) {
  const [firstRow, firstColumn] = [Math.max(top - more, 0), Math.max(left - more, 0)];
  const height = Math.min(bottom + more, picture.height - 1) - firstRow + 1;
  const width = Math.min(right + more, picture.width - 1) - firstColumn + 1;
  const data = new picture.data.constructor(width * height);
  for (let row = 0; row < height; row += 1) {
    const from = (firstRow + row) * picture.width + firstColumn;
    data.set(picture.data.subarray(from, from + width), row * width);
  }
  return { data, width, height };
}
