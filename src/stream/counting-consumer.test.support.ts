import { packValue, unpackValue } from "../wire/index.ts";
import {
  type Append,
  type Consumer,
  type Delivery,
  type Effects,
  type EventCall,
  type LifecycleEvent,
  NO_EFFECTS,
  type Outcome,
  type Tries,
} from "./consumer.ts";

import type { KernelWorld } from "./kernel-world.test.support.ts";

export interface Counter {
  seen: Record<string, number>;
  sent: Record<string, number>;
  total: number;
}

/**
 * Counts what comes from each sender, and passes some of it on. Every message carries its number among those of its
 * sender.
 */
export class CountingConsumer implements Consumer {
  readonly batchMax = 8;
  #committed: Counter;
  readonly #world: KernelWorld;
  readonly #name: string;
  #interrupted = false;
  #closed = false;

  constructor(world: KernelWorld, name: string, state: Uint8Array) {
    this.#world = world;
    this.#name = name;
    this.#committed = unpackValue(state) as Counter;
  }

  static fresh(): Uint8Array {
    return packValue({ seen: {}, sent: {}, total: 0 } satisfies Counter);
  }

  get counter(): Counter {
    return this.#committed;
  }

  consume(batch: readonly Delivery[], done: (index: number, outcome: Outcome) => void): void {
    this.#interrupted = false;
    let index = 0;
    const next = (): void => {
      if (this.#closed) return;
      const delivery = batch[index];
      if (delivery === undefined) return;
      if (this.#interrupted) {
        for (; index < batch.length; index++) done(index, { type: "interrupted" });
        return;
      }
      const outcome = this.#consume(delivery);
      done(index++, outcome);
      if (outcome.type === "failed") {
        for (; index < batch.length; index++) done(index, { type: "interrupted" });
        return;
      }
      if (index < batch.length) {
        if (this.#world.random.below(3) === 0) next();
        else this.#world.clock.after("handler", this.#world.random.float() * 2, next);
      }
    };
    if (this.#world.random.below(2) === 0) next();
    else this.#world.clock.after("handler", this.#world.random.float() * 5, next);
  }

  interrupt(): void {
    this.#interrupted = true;
  }

  notify(_event: LifecycleEvent, done: (effects: Effects) => void): void {
    if (this.#world.random.below(2) === 0) done(NO_EFFECTS);
    else this.#world.clock.after("event", 1, () => done(NO_EFFECTS));
  }

  recall(_call: EventCall, _tries: Tries, done: (effects: Effects) => void): void {
    done(NO_EFFECTS);
  }

  snapshot(): Uint8Array {
    return packValue(this.#committed);
  }

  close(): void {
    this.#closed = true;
  }

  #consume(delivery: Delivery): Outcome {
    const message = unpackValue(delivery.payload) as { n: number; pad?: Uint8Array };
    if (this.#world.random.float() < this.#world.failures && delivery.attempt < 4)
      return {
        type: "failed",
        fault: { code: "handler-failed", message: "by chance", agent: "a" },
        // biome-ignore lint/suspicious/noThenProperty: outcomes are never awaited
        then: { type: "retry", afterMs: 5 },
      };
    const counter: Counter = structuredClone(this.#committed);
    const last = counter.seen[delivery.fromName] ?? 0;
    if (message.n !== last + 1)
      this.#world.violations.push(
        `${this.#world.clock.now().toFixed(1)} ${this.#name} got ${delivery.fromName} n=${message.n} after ${last}`,
      );
    counter.seen[delivery.fromName] = message.n;
    counter.total++;
    const appends: Append[] = [];
    while (this.#world.random.float() < 0.4) {
      const to = this.#world.names[this.#world.random.below(this.#world.names.length)] as string;
      const n = (counter.sent[to] ?? 0) + 1;
      counter.sent[to] = n;
      appends.push({
        to,
        payload: packValue({
          n,
          ...(this.#world.random.below(20) === 0 ? { pad: new Uint8Array(5_000) } : {}),
        }),
      });
    }
    this.#committed = counter;
    return {
      type: "consumed",
      effects: {
        appends,
        timers: [],
        relocate: undefined,
        reply: packValue(message.n),
        changed: true,
        handled: true,
      },
    };
  }
}
