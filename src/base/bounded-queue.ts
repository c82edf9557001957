import { assert } from "./assert.ts";

/** A first-in first-out queue with a fixed capacity. A full queue refuses; it never grows and never drops. */
export class BoundedQueue<T> {
  readonly capacity: number;
  #items: (T | undefined)[] = [];
  #head = 0;
  #count = 0;

  /** @param capacity most items held, >= 1 */
  constructor(capacity: number) {
    assert(Number.isInteger(capacity) && capacity > 0, "a queue has room for at least one item");
    this.capacity = capacity;
  }

  /** Items held now. */
  get count(): number {
    return this.#count;
  }

  /** False when full: the item was not taken. */
  push(item: T): boolean {
    if (this.#count === this.capacity) return false;
    this.#items[(this.#head + this.#count) % this.capacity] = item;
    this.#count++;
    return true;
  }

  /** The oldest item, without taking it. */
  peek(): T | undefined {
    return this.#count === 0 ? undefined : this.#items[this.#head];
  }

  /** Takes the oldest item. */
  shift(): T | undefined {
    if (this.#count === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.capacity;
    this.#count--;
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#count = 0;
  }
}
