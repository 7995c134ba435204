/** Pictures in files of the reader. */

import { make, makeButton } from './dom.js';
import { TEXT } from './text.js';

/** The button that opens a picture, and the file input that it stands for; open(file) gets its file. */
export function makeFileButton(open) {
  const input = make('input', '', { type: 'file', accept: 'image/*', hidden: true });
  input.addEventListener('change', () => {
    open(input.files[0]);
    input.value = ''; // so that the same file can be opened again
  });
  return [makeButton(TEXT.openPicture, () => input.click()), input];
}

/** The pixels of a picture, at most `most` on its longer side, on white where it is transparent. */
export function readBitmap(bitmap, most) {
  const scale = Math.min(1, most / Math.max(bitmap.width, bitmap.height));
  const canvas = make('canvas');
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
