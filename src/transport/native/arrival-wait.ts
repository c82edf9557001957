import { LIMITS } from "../../base/index.ts";
import { allocate, type Block } from "./batch-memory.ts";
import { POLL } from "./constants.ts";
import type { EventLoop } from "./event-loop.ts";

/** `struct pollfd`: the descriptor, then what is asked for and what is so, 16 bits each. */
const ENTRY_WORDS = 2;
const ASKED = POLL.in;

/** A descriptor, and what to do when it can be read or has an error. */
export interface Awaited {
  readonly descriptor: number;
  /** Never throws. */
  take(): void;
}

export interface ArrivalWaitOptions {
  readonly loop: EventLoop;
  /** `poll(2)`: entries at an address, how many, and ms. */
  readonly poll: (entries: number, count: number, timeoutMs: number) => number;
  readonly addressOf: (memory: Uint8Array) => number;
}

/**
 * Waits for the next datagrams in the callback of the last ones. The way through the event loop, the library and V8 and
 * back costs more than all the work for a packet, because its code does not stay in the caches; so the loop runs only
 * when it has something to do, and at intervals.
 */
export class ArrivalWait {
  readonly #options: ArrivalWaitOptions;
  readonly #awaited: Awaited[] = [];
  readonly #entries: Block;
  /** Increases when a socket is added or removed. */
  #version = 0;

  constructor(options: ArrivalWaitOptions) {
    this.#options = options;
    this.#entries = allocate(options.addressOf, (LIMITS.arrivalWaitMax + 1) * ENTRY_WORDS * 4);
  }

  add(awaited: Awaited): void {
    this.#awaited.push(awaited);
    this.#renew();
  }

  delete(awaited: Awaited): void {
    const index = this.#awaited.indexOf(awaited);
    if (index < 0) return;
    this.#awaited.splice(index, 1);
    this.#renew();
  }

  /** Handles arrivals until the event loop has something to do. Call it at the end of a callback of the loop. */
  run(): void {
    const { loop, poll } = this.#options;
    for (let turn = 0; turn < LIMITS.arrivalRoundsMax; turn++) {
      const count = this.#awaited.length;
      if (count === 0 || count > LIMITS.arrivalWaitMax) return;
      const timeout = loop.timeout();
      if (timeout === 0) return;
      const ready = poll(this.#entries.address, count + 1, timeout);
      loop.updateTime();
      if (ready <= 0 || !this.#takeReady(count)) return;
    }
  }

  /** False when it is the loop alone that has something to do. */
  #takeReady(count: number): boolean {
    const { words } = this.#entries;
    const version = this.#version;
    let hasTaken = false;
    for (let index = count - 1; index >= 0; index--) {
      if ((words[index * ENTRY_WORDS + 1] as number) >>> 16 === 0) continue;
      this.#awaited[index]?.take();
      hasTaken = true;
      // The other answers are no longer at their indices.
      if (this.#version !== version) break;
    }
    return hasTaken;
  }

  #renew(): void {
    this.#version++;
    const { words } = this.#entries;
    const all = this.#awaited.slice(0, LIMITS.arrivalWaitMax);
    const descriptors = [...all.map(({ descriptor }) => descriptor), this.#options.loop.descriptor];
    for (const [index, descriptor] of descriptors.entries()) {
      words[index * ENTRY_WORDS] = descriptor;
      words[index * ENTRY_WORDS + 1] = ASKED;
    }
  }
}
