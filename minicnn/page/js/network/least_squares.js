/** Weighted least squares with few unknowns: np.linalg.lstsq through the normal equations. */

const NOTHING = 1e-13; // of the largest eigenvalue: smaller ones are rounding errors of 0
const SWEEPS = 30; // far more than the rotations need to bring the matrix to its diagonal

/**
 * The coefficients x for which the sum of weight * (value - x[0] * terms[0] - x[1] * terms[1] - ...)² over
 * all places is least. terms: for each unknown an array with one number for each place. Where several
 * x do equally well, it is the shortest x.
 */
export function leastSquares(terms, values, weights) {
  const weighted = terms.map((term) => multiply(weights, term));
  const matrix = terms.map(() => []);
  weighted.forEach((term, i) => {
    for (let j = i; j < terms.length; j += 1) {
      matrix[i][j] = sumOfProducts(term, terms[j]);
      matrix[j][i] = matrix[i][j];
    }
  });
  const right = weighted.map((term) => sumOfProducts(term, values));
  const vectors = diagonalise(matrix);
  const sizes = matrix.map((row, k) => row[k]);
  const least = NOTHING * Math.max(...sizes);
  const found = terms.map(() => 0);
  vectors.forEach((vector, k) => {
    if (sizes[k] <= least) return;
    const along = vector.reduce((sum, v, i) => sum + v * right[i], 0) / sizes[k];
    vector.forEach((v, i) => {
      found[i] += along * v;
    });
  });
  return found;
}

function multiply(a, b) {
  const product = new Float64Array(a.length);
  for (let k = 0; k < a.length; k += 1) product[k] = a[k] * b[k];
  return product;
}

function sumOfProducts(a, b) {
  let sum = 0;
  for (let k = 0; k < a.length; k += 1) sum += a[k] * b[k];
  return sum;
}

/** The eigenvectors of a symmetric matrix, whose diagonal becomes the eigenvalues (Jacobi, 1846). */
function diagonalise(matrix) {
  const vectors = matrix.map((row, i) => row.map((_, j) => Number(i === j)));
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    let isDone = true;
    for (let p = 0; p < matrix.length; p += 1) {
      for (let q = p + 1; q < matrix.length; q += 1) {
        const [size, others] = [Math.abs(matrix[p][q]), Math.abs(matrix[p][p] * matrix[q][q])];
        if (size <= Number.EPSILON * Math.sqrt(others) || size === 0) continue;
        rotate(matrix, vectors, p, q);
        isDone = false;
      }
    }
    if (isDone) break;
  }
  return vectors;
}

/** Turn the axes p and q so that the matrix gets 0 at [p][q]. */
function rotate(matrix, vectors, p, q) {
  const slope = (matrix[q][q] - matrix[p][p]) / (2 * matrix[p][q]);
  const tangent = (slope < 0 ? -1 : 1) / (Math.abs(slope) + Math.hypot(slope, 1));
  const cosine = 1 / Math.hypot(tangent, 1);
  const sine = tangent * cosine;
  const turn = (one, other, i) => {
    const [a, b] = [one[i], other[i]];
    one[i] = cosine * a - sine * b;
    other[i] = sine * a + cosine * b;
  };
  for (let i = 0; i < matrix.length; i += 1) {
    turn(matrix[p], matrix[q], i);
    turn(vectors[p], vectors[q], i);
  }
  for (const row of matrix) {
    const [a, b] = [row[p], row[q]];
    row[p] = cosine * a - sine * b;
    row[q] = sine * a + cosine * b;
  }
}
