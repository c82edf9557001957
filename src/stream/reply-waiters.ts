import type { MeanderError } from "../base/index.ts";

/** What happens when the reply to a message arrives. */
export interface ReplyWaiter {
  resolve(value: Uint8Array | undefined): void;
  reject(error: MeanderError): void;
}

/** The callers that wait for replies to the messages of one window, by the messages' numbers. */
export class ReplyWaiters {
  readonly #waiters = new Map<number, ReplyWaiter>();

  add(sequence: number, waiter: ReplyWaiter): void {
    this.#waiters.set(sequence, waiter);
  }

  /** The caller has stopped waiting. */
  forget(sequence: number): void {
    this.#waiters.delete(sequence);
  }

  /** False when no caller waits for that reply. */
  settle(sequence: number, outcome: Uint8Array | MeanderError | undefined): boolean {
    const waiter = this.#waiters.get(sequence);
    if (waiter === undefined) return false;
    this.#waiters.delete(sequence);
    if (outcome instanceof Error) waiter.reject(outcome);
    else waiter.resolve(outcome);
    return true;
  }

  rejectAll(error: MeanderError): void {
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.reject(error);
  }

  /** The messages have other numbers now, all higher by `shift`. */
  renumber(shift: number): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const [sequence, waiter] of waiters) this.#waiters.set(sequence + shift, waiter);
  }
}
