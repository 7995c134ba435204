/** Long computations in slices, so that the page answers between them. */

const SLICE = 12; // milliseconds of each frame

/**
 * Returns { run(steps, onSlice), stop() }. run() takes some steps of an iterator in each frame, calls
 * onSlice(isDone) after each slice, and stops the computation before it.
 */
export function makeSlices() {
  let frame = 0;

  function stop() {
    cancelAnimationFrame(frame);
  }

  function run(steps, onSlice) {
    stop();
    const work = () => {
      const end = performance.now() + SLICE;
      let isDone = false;
      while (!isDone && performance.now() < end) isDone = steps.next().done;
      onSlice(isDone);
      if (!isDone) frame = requestAnimationFrame(work);
    };
    frame = requestAnimationFrame(work);
  }

  return { run, stop };
}
