import { LIMITS } from "../../base/index.ts";

/** What a worker and its executor both see. */
export interface WorkerMemory {
  /** Of the {@link WorkerSignals}. */
  readonly signals: SharedArrayBuffer;
  /** Of the answers that are not sent yet. */
  readonly answers: SharedArrayBuffer;
}

/** Index of the running slot plus one; 0: none. */
const RUNNING = 0;
/** Goes up with each beginning. */
const BEATS = 1;
const SLOTS = 2;

/**
 * What a worker and its executor share without messages, since a thread that runs a handler reads none: which agent
 * runs, whether anything starts, and which batches are interrupted. Agents are numbered by slots.
 */
export class WorkerSignals {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;

  /** @param memory of the other end; made new by default */
  constructor(memory = new SharedArrayBuffer((SLOTS + LIMITS.workerAgentsMax) * 4)) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
  }

  /** The worker's: an agent's code is about to run, or may from now on. */
  enter(slot: number): void {
    Atomics.store(this.#cells, RUNNING, slot + 1);
    this.beat();
  }

  /** Called by the worker: the running agent starts something new. */
  beat(): void {
    Atomics.add(this.#cells, BEATS, 1);
  }

  /** The worker's: no code of agents runs, and none is left in its queue. */
  leave(): void {
    Atomics.store(this.#cells, RUNNING, 0);
  }

  /** Slot of the agent whose code runs, if any does. */
  get running(): number | undefined {
    const cell = Atomics.load(this.#cells, RUNNING);
    return cell === 0 ? undefined : cell - 1;
  }

  /** Another number with each beginning. */
  get beats(): number {
    return Atomics.load(this.#cells, BEATS);
  }

  /**
   * Called by the executor: calls of this batch and of those before it must not start. Batches are numbered from 1, up
   * to 2^31-1.
   */
  interrupt(slot: number, batch: number): void {
    Atomics.store(this.#cells, SLOTS + slot, batch);
  }

  /** The worker's. */
  isInterrupted(slot: number, batch: number): boolean {
    return batch <= Atomics.load(this.#cells, SLOTS + slot);
  }
}
