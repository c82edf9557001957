/** Words of the memory shared: whether nobody may enter, whether somebody is inside. */
const HELD = 0;
const INSIDE = 1;
const LOOK_MS = 1;

/**
 * Lets one thread keep another out of callbacks of the native library while it ends that thread: one that is ended inside
 * such a callback takes the process along.
 */
export class Brake {
  /** For the other thread's own. */
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.shared = shared;
    this.#words = new Int32Array(shared);
  }

  /** From now on nobody enters. Blocks until nobody is inside, at most so long, ms. */
  hold(withinMs: number): void {
    Atomics.store(this.#words, HELD, 1);
    for (let waited = 0; waited < withinMs; waited += LOOK_MS) {
      if (Atomics.wait(this.#words, INSIDE, 1, LOOK_MS) === "not-equal") return;
    }
  }

  /** False: not to be entered any more. Else `leave` has to follow. */
  enter(): boolean {
    Atomics.store(this.#words, INSIDE, 1);
    if (Atomics.load(this.#words, HELD) === 0) return true;
    this.leave();
    return false;
  }

  leave(): void {
    Atomics.store(this.#words, INSIDE, 0);
  }
}
