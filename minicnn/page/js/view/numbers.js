/** Numbers as people read them. */

/** A number with few digits, and a real minus sign. */
export function format(value, digits = 3) {
  if (!Number.isFinite(value)) return nameOf(value);
  const size = Math.abs(value);
  const isFar = size !== 0 && (size < 1e-3 || size >= 1e5);
  const text = isFar ? size.toExponential(digits - 1) : shorten(size, digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

function nameOf(value) {
  return String(value).replace('-', '−').replace('Infinity', '∞');
}

function shorten(size, digits) {
  if (Number.isInteger(size)) return String(size);
  const decimals = Math.max(0, digits - Math.max(1, Math.floor(Math.log10(size)) + 1));
  return size.toFixed(decimals);
}

/** A number in at most four characters, for a cell of a table: "0", ".42", "−1.3", "87", "≈0". */
export function formatCell(value) {
  if (!Number.isFinite(value)) return nameOf(value);
  const size = Math.abs(value);
  const decimals = size < 0.995 ? 2 : size < 9.95 ? 1 : 0;
  if (size > 0 && size < 0.005) return '≈0';
  const text = value === 0 ? '0' : size.toFixed(decimals).replace(/^0\./, '.');
  return value < 0 ? `−${text}` : text;
}

/** A share from 0 to 1 in percent. */
export function percent(share) {
  if (share > 0.9995 && share < 1) return '>\u202f99.9%';
  return `${(100 * share).toFixed(1)}%`;
}

/** "1 map", "6 maps". */
export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}
