import { assert } from "../base/index.ts";

/** Buffers what arrives until a handler is set, then passes it on; in order, and within a bound. */
export class PacketInbox {
  readonly #bytesMax: number;
  #handler: ((bytes: Uint8Array) => void) | undefined;
  #early: Uint8Array[] = [];
  #heldBytes = 0;
  #finish: (() => void) | undefined;
  #isSet = false;

  /** @param bytesMax most bytes kept until there is a handler */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes buffered because there is no handler yet. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** False when there is no handler yet and the buffer is full. */
  deliver(bytes: Uint8Array): boolean {
    if (this.#handler !== undefined) {
      this.#handler(bytes);
      return true;
    }
    if (this.#heldBytes + bytes.byteLength > this.#bytesMax) return false;
    this.#early.push(bytes);
    this.#heldBytes += bytes.byteLength;
    return true;
  }

  /** Sets the handler of what arrives, once. Buffered packets follow soon, not before this returns. */
  setHandler(handler: (bytes: Uint8Array) => void): void {
    assert(!this.#isSet, "a connection has one handler for its packets, set once");
    this.#isSet = true;
    queueMicrotask(() => this.#open(handler));
  }

  /** Runs `task` when everything delivered so far has been handled; at once if so. */
  whenHandled(task: () => void): void {
    if (this.#handler !== undefined) task();
    else this.#finish = task;
  }

  /** Lets go of what was kept, and passes on nothing more. */
  close(): void {
    this.#early = [];
    this.#heldBytes = 0;
    this.#handler = () => {};
    this.#finish = undefined;
  }

  #open(handler: (bytes: Uint8Array) => void): void {
    // The handler may close the inbox, or cause deliveries: those go behind what was kept.
    for (let bytes = this.#early.shift(); bytes !== undefined; bytes = this.#early.shift()) {
      this.#heldBytes -= bytes.byteLength;
      handler(bytes);
    }
    this.#handler ??= handler;
    this.#finish?.();
    this.#finish = undefined;
  }
}
