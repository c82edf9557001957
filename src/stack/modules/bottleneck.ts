/**
 * A line that takes time for each byte, and the queue before it. Several flows may share one.
 */
export class Bottleneck {
  /** When the line has sent all that is queued, ms. */
  #freeAt = Number.NEGATIVE_INFINITY;
  /** What is queued, oldest first: when it has left, and its size. */
  readonly #queue: { readonly leavesAt: number; readonly bytes: number }[] = [];
  #bytes = 0;

  /**
   * When a packet that comes now will have left the line, ms. Undefined: the queue is full.
   *
   * @param limits bytes that may wait, and how long the newest of them
   */
  enter(
    bytes: number,
    nowMs: number,
    limits: { readonly bytesPerSecond: number; readonly bytesMax: number; readonly msMax: number },
  ): number | undefined {
    while (this.#queue.length > 0) {
      const first = this.#queue[0] as { leavesAt: number; bytes: number };
      if (first.leavesAt > nowMs) break;
      this.#queue.shift();
      this.#bytes -= first.bytes;
    }
    const startsAt = Math.max(nowMs, this.#freeAt);
    if (startsAt - nowMs > limits.msMax) return undefined;
    // What the line is sending does not wait, so one packet always finds room.
    if (this.#queue.length > 0 && this.#bytes + bytes > limits.bytesMax) return undefined;
    const leavesAt = startsAt + (bytes / limits.bytesPerSecond) * 1_000;
    this.#freeAt = leavesAt;
    this.#queue.push({ leavesAt, bytes });
    this.#bytes += bytes;
    return leavesAt;
  }
}

/** The queues of a process by name: flows that give one name share it. */
export class Bottlenecks {
  readonly #byName = new Map<string, { readonly bottleneck: Bottleneck; users: number }>();

  /** The queue of that name. Call {@link Bottlenecks.release} once for each use. */
  use(name: string): Bottleneck {
    const known = this.#byName.get(name);
    if (known !== undefined) {
      known.users++;
      return known.bottleneck;
    }
    const bottleneck = new Bottleneck();
    this.#byName.set(name, { bottleneck, users: 1 });
    return bottleneck;
  }

  release(name: string): void {
    const known = this.#byName.get(name);
    if (known !== undefined && --known.users === 0) this.#byName.delete(name);
  }
}
