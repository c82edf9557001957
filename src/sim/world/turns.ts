/** Turns that the event loop is asked for at once: its rounds cost more than they do. */
const AHEAD = 64;

/**
 * Calls `step` once in each turn of the event loop, until it gives false. Between two turns all promises that can
 * settle have, and rejections that no code handled have been told; now and then the rest of the process gets its turn.
 *
 * @throws what `step` throws
 */
export function eachTurn(step: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let ahead = 0;
    let isOver = false;
    const turn = (): void => {
      ahead--;
      if (isOver) return;
      try {
        isOver = !step();
      } catch (error) {
        isOver = true;
        reject(error);
        return;
      }
      if (isOver) resolve();
      else if (ahead === 0) ask();
    };
    const ask = (): void => {
      for (ahead = 0; ahead < AHEAD; ahead++) setImmediate(turn);
    };
    ask();
  });
}
