/** Rectangles of a picture {data, width, height}, given by their first and last rows and columns. */

/** The smallest rectangle that holds all that is not 0. */
export function boxOf({ data, width, height }) {
  const box = { top: height, bottom: 0, left: width, right: 0 };
  for (let at = 0, row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, at += 1) {
      if (data[at] === 0) continue;
      if (row < box.top) box.top = row;
      box.bottom = row;
      if (column < box.left) box.left = column;
      if (column > box.right) box.right = column;
    }
  }
  return box;
}

/** What lies in a rectangle, with `more` pixels around it where the picture has them. */
export function cutOut(picture, { top, bottom, left, right }, more = 0) {
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
