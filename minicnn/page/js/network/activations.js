/** The activations, one number at a time. */

/** The error function, by its series near 0 and its continued fraction elsewhere, to 1e-12. */
function erf(x) {
  const size = Math.abs(x);
  if (size < 2.5) {
    let term = size;
    let total = size;
    for (let n = 1; n < 60; n += 1) {
      term *= (-size * size) / n;
      total += term / (2 * n + 1);
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * total;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n -= 1) fraction = n / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-size * size) / (Math.sqrt(Math.PI) * (size + fraction)));
}

const SELU = { alpha: 1.6732632423543772, scale: 1.0507009873554805 };

/** The activations, one number at a time; a layer may have options. */
export const ACTIVATIONS = {
  relu: (a) => Math.max(a, 0),
  leaky_relu: (a, { negative_slope: slope }) => (a > 0 ? a : slope * a),
  elu: (a, { alpha }) => (a > 0 ? a : alpha * Math.expm1(a)),
  selu: (a) => SELU.scale * (a > 0 ? a : SELU.alpha * Math.expm1(a)),
  gelu: (a, { approximate }) =>
    approximate === 'tanh'
      ? (a / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (a + 0.044715 * a ** 3)))
      : (a / 2) * (1 + erf(a / Math.SQRT2)),
  silu: (a) => a / (1 + Math.exp(-a)),
  softplus: (a, { beta }) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(beta * a))) / beta,
  sigmoid: (a) => 1 / (1 + Math.exp(-a)),
  tanh: (a) => Math.tanh(a),
  scaled_tanh: (a) => 1.7159 * Math.tanh((2 / 3) * a),
  hardtanh: (a, { min_val: low, max_val: high }) => Math.min(Math.max(a, low), high),
};
