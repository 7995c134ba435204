/** The canvas that the reader draws on: with a mouse, a finger, a pen or the keyboard. */

const SIDE = 280; // pixels of the longer side of the board
const PEN = 20; // pixels: the width of a line
const STEP = 10; // pixels: how far an arrow key goes

/**
 * Make a canvas a drawing board. paper and ink are colours, hint stands on an empty board, ratio is its
 * width by its height. onChange()
 * is called after each line, onClear() for the key that clears. Returns { pixels(), wipe(),
 * show(picture), setInk(colour) }.
 */
export function makeBoard(canvas, { paper, ink, hint, ratio = 1 }, onChange, onClear) {
  const width = Math.max(1, Math.round(SIDE * Math.min(ratio, 1)));
  const height = Math.max(1, Math.round(SIDE / Math.max(ratio, 1)));
  Object.assign(canvas, { width, height });
  canvas.style.aspectRatio = `${width} / ${height}`;
  canvas.parentElement.style.width = `${(100 * width) / SIDE}%`;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const cursor = { x: width / 2, y: height / 2, isDown: false };
  let colour = ink;
  let last = null;
  let pointer = null; // the mouse, pen or finger that draws; a second finger does not

  function wipe() {
    context.fillStyle = paper;
    context.fillRect(0, 0, width, height);
    last = null;
    canvas.parentElement.dataset.hint = hint;
  }

  function lineTo(x, y) {
    context.beginPath();
    if (last) {
      context.strokeStyle = colour;
      context.lineWidth = PEN;
      context.lineCap = 'round';
      context.moveTo(...last);
      context.lineTo(x, y);
      context.stroke();
    } else {
      // a line without a length would be drawn by some browsers only
      context.fillStyle = colour;
      context.arc(x, y, PEN / 2, 0, 2 * Math.PI);
      context.fill();
    }
    last = [x, y];
    delete canvas.parentElement.dataset.hint;
    onChange();
  }

  function pointOf(event) {
    const box = canvas.getBoundingClientRect();
    const scale = width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || pointer !== null) return;
    canvas.setPointerCapture(event.pointerId);
    pointer = event.pointerId;
    last = null;
    lineTo(...pointOf(event));
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!last || event.pointerId !== pointer) return;
    // A fast hand makes several points in one frame.
    const points = event.getCoalescedEvents?.() ?? [];
    (points.length ? points : [event]).forEach((point) => lineTo(...pointOf(point)));
  });
  // Comes after pointerup and pointercancel, and if the capture is lost in another way.
  canvas.addEventListener('lostpointercapture', (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
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
    const from = [cursor.x, cursor.y];
    cursor.x = Math.min(Math.max(cursor.x + right * STEP, 0), width);
    cursor.y = Math.min(Math.max(cursor.y + down * STEP, 0), height);
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
    style.setProperty('--x', `${(100 * cursor.x) / width}%`);
    style.setProperty('--y', `${(100 * cursor.y) / height}%`);
    dataset.pen = cursor.isDown ? 'down' : 'up';
  }

  wipe();
  return {
    wipe,
    /** The drawing as {data, width, height}, red, green, blue and 255 for each pixel. */
    pixels: () => context.getImageData(0, 0, width, height),
    /** Put a picture on the board, as large as it fits. */
    show(picture) {
      wipe();
      delete canvas.parentElement.dataset.hint;
      const scale = Math.min(width / picture.width, height / picture.height);
      const [across, down] = [picture.width * scale, picture.height * scale];
      context.drawImage(picture, (width - across) / 2, (height - down) / 2, across, down);
    },
    setInk(value) {
      colour = value;
    },
  };
}

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
