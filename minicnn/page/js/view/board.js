/** The canvas that the reader draws on: with a mouse, a finger, a pen or the keyboard. */

const SIDE = 280; // pixels of the board
const PEN = 20; // pixels: the width of a line
const STEP = 10; // pixels: how far an arrow key goes

/**
 * Make a canvas a drawing board. paper and ink are colours, hint stands on an empty board. onChange()
 * is called after each line, onClear() for the key that clears. Returns { side, pixels(), wipe(),
 * show(picture), setInk(colour) }.
 */
export function makeBoard(canvas, { paper, ink, hint }, onChange, onClear) {
  canvas.width = SIDE;
  canvas.height = SIDE;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const cursor = { x: SIDE / 2, y: SIDE / 2, isDown: false };
  let colour = ink;
  let last = null;

  function wipe() {
    context.fillStyle = paper;
    context.fillRect(0, 0, SIDE, SIDE);
    last = null;
    canvas.parentElement.dataset.hint = hint;
  }

  function lineTo(x, y) {
    context.strokeStyle = colour;
    context.lineWidth = PEN;
    context.lineCap = 'round';
    context.lineJoin = 'round';
    context.beginPath();
    context.moveTo(...(last ?? [x, y]));
    context.lineTo(x, y);
    context.stroke();
    last = [x, y];
    delete canvas.parentElement.dataset.hint;
    onChange();
  }

  function pointOf(event) {
    const box = canvas.getBoundingClientRect();
    const scale = SIDE / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    last = null;
    lineTo(...pointOf(event));
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!last || !canvas.hasPointerCapture(event.pointerId)) return;
    // A fast hand makes several points in one frame.
    const points = event.getCoalescedEvents?.() ?? [];
    (points.length ? points : [event]).forEach((point) => lineTo(...pointOf(point)));
  });
  canvas.addEventListener('pointerup', () => {
    last = null;
  });
  canvas.addEventListener('pointercancel', () => {
    last = null;
  });
  canvas.addEventListener('keydown', (event) => {
    const step = KEYS[event.key];
    if (step) moveBy(...step);
    else if (event.key === ' ') liftOrLower();
    else if (event.key === 'Delete' || event.key === 'Backspace') onClear();
    else return;
    event.preventDefault();
  });
  canvas.addEventListener('blur', () => {
    cursor.isDown = false;
    showCursor();
  });
  canvas.addEventListener('focus', showCursor);

  function moveBy(right, down) {
    const [from, across] = [[cursor.x, cursor.y], (n) => Math.min(Math.max(n, 0), SIDE)];
    cursor.x = across(cursor.x + right * STEP);
    cursor.y = across(cursor.y + down * STEP);
    if (cursor.isDown) {
      last = from;
      lineTo(cursor.x, cursor.y);
    }
    showCursor();
  }

  function liftOrLower() {
    cursor.isDown = !cursor.isDown;
    last = null;
    if (cursor.isDown) lineTo(cursor.x, cursor.y);
    showCursor();
  }

  /** The place of the keyboard's pen, as a mark that css/base.css draws. */
  function showCursor() {
    const { style, dataset } = canvas.parentElement;
    style.setProperty('--x', `${(100 * cursor.x) / SIDE}%`);
    style.setProperty('--y', `${(100 * cursor.y) / SIDE}%`);
    dataset.pen = cursor.isDown ? 'down' : 'up';
  }

  wipe();
  return {
    side: SIDE,
    wipe,
    /** The drawing as {data, width, height}, red, green, blue and 255 for each pixel. */
    pixels: () => context.getImageData(0, 0, SIDE, SIDE),
    /** Put a picture on the board, as large as it fits. */
    show(picture) {
      wipe();
      delete canvas.parentElement.dataset.hint;
      const scale = SIDE / Math.max(picture.width, picture.height);
      const [width, height] = [picture.width * scale, picture.height * scale];
      context.drawImage(picture, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
    },
    setInk(value) {
      colour = value;
    },
  };
}

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
