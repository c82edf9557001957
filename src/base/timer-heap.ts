/** A timer that is set. */
export interface HeapTimer {
  /** When it is due, ms. */
  readonly at: number;
  /** Who goes first of those due at one instant: the lower one. */
  readonly tie: number;
  /** Who goes first of those with one `tie`: the lower one. Unique. */
  readonly order: number;
  /** Where it stands in the heap; -1 when in none. The heap's own. */
  index: number;
}

/** Timers, soonest first: a binary heap, in which a timer knows its index and can be removed in logarithmic time. */
export class TimerHeap<T extends HeapTimer> {
  readonly #timers: T[] = [];

  /** Timers there are. */
  get count(): number {
    return this.#timers.length;
  }

  /** The soonest, which stays. */
  get soonest(): T | undefined {
    return this.#timers[0];
  }

  /** All, soonest first. */
  sorted(): T[] {
    return [...this.#timers].sort((a, b) => (isBefore(a, b) ? -1 : 1));
  }

  add(timer: T): void {
    this.#timers.push(timer);
    this.#rise(timer, this.#timers.length - 1);
  }

  /** Takes one out; does nothing when it is not in. */
  remove(timer: T): void {
    const { index } = timer;
    if (index < 0) return;
    timer.index = -1;
    const last = this.#timers.pop() as T;
    if (last === timer) return;
    const parent = this.#timers[(index - 1) >> 1];
    if (index > 0 && parent !== undefined && isBefore(last, parent)) this.#rise(last, index);
    else this.#sink(last, index);
  }

  /** Puts `timer` at `index` or above it. */
  #rise(timer: T, index: number): void {
    const timers = this.#timers;
    let hole = index;
    while (hole > 0) {
      const above = (hole - 1) >> 1;
      const parent = timers[above] as T;
      if (!isBefore(timer, parent)) break;
      timers[hole] = parent;
      parent.index = hole;
      hole = above;
    }
    timers[hole] = timer;
    timer.index = hole;
  }

  /** Puts `timer` at `index` or below it. */
  #sink(timer: T, index: number): void {
    const timers = this.#timers;
    const { length } = timers;
    let hole = index;
    for (let below = 2 * hole + 1; below < length; below = 2 * hole + 1) {
      const right = below + 1;
      if (right < length && isBefore(timers[right] as T, timers[below] as T)) below = right;
      const child = timers[below] as T;
      if (!isBefore(child, timer)) break;
      timers[hole] = child;
      child.index = hole;
      hole = below;
    }
    timers[hole] = timer;
    timer.index = hole;
  }
}

function isBefore(a: HeapTimer, b: HeapTimer): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.tie === b.tie ? a.order < b.order : a.tie < b.tie;
}
