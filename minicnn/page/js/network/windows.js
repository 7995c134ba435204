/** Where the windows of convolutions and poolings lie, as page/describe.py has worked it out. */

/**
 * The pixels under one place (i, j) of a window: calls visit(row, column, kh, kw, inside) for each
 * tap; row and column may lie in the padding, then inside is false.
 */
export function visitWindow(window, height, width, i, j, visit) {
  const { kernel, stride, dilation, padding } = window;
  for (let kh = 0; kh < kernel[0]; kh += 1) {
    const row = i * stride[0] + kh * dilation[0] - padding[0][0];
    for (let kw = 0; kw < kernel[1]; kw += 1) {
      const column = j * stride[1] + kw * dilation[1] - padding[1][0];
      const inside = row >= 0 && row < height && column >= 0 && column < width;
      visit(row, column, kh, kw, inside);
    }
  }
}

/** The first place, and the one after the last, whose tap at `offset` falls on one of `size` pixels. */
export function placesOnPixels(offset, stride, places, size) {
  const first = Math.max(0, Math.ceil(-offset / stride));
  const stop = Math.min(places, Math.floor((size - 1 - offset) / stride) + 1);
  return [first, Math.max(first, stop)];
}

/** What the sum under place (i, j) of an average pooling is divided by. */
export function divisorOf(layer, i, j) {
  return layer.divisors[i * layer.window.output[1] + j];
}
