/** Connected components: which pixels of a mask touch each other. */

/**
 * For each pixel of a mask, in row order, the number of its connected part, 1, 2, ...; 0 outside the
 * mask. Pixels that touch by a corner are connected. Each run of a row takes the label of those above
 * that it touches, and joins them (union-find).
 */
export function components(mask, width, height) {
  const labels = new Int32Array(width * height);
  const parent = [0];

  function root(k) {
    while (parent[k] !== k) {
      parent[k] = parent[parent[k]];
      k = parent[k];
    }
    return k;
  }

  /** The label of a run of pixels from `first` to before `last`: that of what it touches above. */
  function labelOf(row, first, last) {
    let label = 0;
    const above = (row - 1) * width;
    if (row > 0) {
      const stop = Math.min(last + 1, width);
      for (let column = Math.max(first - 1, 0); column < stop; column += 1) {
        const other = labels[above + column];
        if (other === 0) continue;
        if (label) parent[root(other)] = label;
        else label = root(other);
      }
    }
    return label || parent.push(parent.length) - 1;
  }

  for (let row = 0; row < height; row += 1) {
    const start = row * width;
    for (let column = 0; column < width; column += 1) {
      if (!mask[start + column]) continue;
      const first = column;
      while (column < width && mask[start + column]) column += 1;
      labels.fill(labelOf(row, first, column), start + first, start + column);
    }
  }
  return numberInOrder(
    labels,
    parent.map((_, k) => root(k)),
  );
}

/** Labels from 1 on without gaps, for those of which some stand for the same part. */
function numberInOrder(labels, roots) {
  const numbers = new Int32Array(roots.length);
  let count = 0;
  for (let k = 1; k < roots.length; k += 1) {
    if (roots[k] === k) numbers[k] = count += 1;
  }
  for (let at = 0; at < labels.length; at += 1) {
    if (labels[at]) labels[at] = numbers[roots[labels[at]]];
  }
  return { labels, count };
}
