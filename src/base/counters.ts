/**
 * Named counts that only grow. A name appears with its first count.
 *
 * Bounded: names are constants of the program, never made from input.
 */
export class Counters {
  readonly #counts = new Map<string, number>();

  add(name: string, amount = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + amount);
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** Names so far: 0 when nothing was ever counted. */
  get size(): number {
    return this.#counts.size;
  }

  /** Sum over all names. */
  get total(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }

  /** Adds all that `other` has counted. */
  addAll(other: Counters): void {
    for (const [name, count] of other.#counts) this.add(name, count);
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
