import { packValue, unpackValue } from "../wire/index.ts";
import {
  type Append,
  type Consumer,
  type Delivery,
  type Effects,
  type EventCall,
  type FailureAction,
  type LifecycleEvent,
  NO_EFFECTS,
  type Outcome,
  type Tries,
} from "./consumer.ts";

/** What consumes a message well, and appends `appends`. */
export function consumed(effects: Partial<Effects> = {}): Outcome {
  return { type: "consumed", effects: { ...NO_EFFECTS, changed: true, ...effects } };
}

export function failed(then: FailureAction): Outcome {
  return {
    type: "failed",
    fault: { code: "handler-failed", message: "as the test says", agent: "tester" },
    then,
  };
}

/** What ended its executor. */
export function died(then: FailureAction): Outcome {
  const fault = { code: "executor-failed", message: "out of memory", agent: "tester" };
  return { type: "failed", fault: { ...fault, endedExecutor: true }, then };
}

/** What an event led to whose handler in this agent failed. */
export function failedEvent(call: EventCall, then: FailureAction): Effects {
  const fault = { code: "handler-failed", message: "as the test says", agent: call.agent };
  return { ...NO_EFFECTS, failures: [{ call, fault, then }] };
}

/** A message of some text for the stream of that name. */
export function append(to: string, text: string): Append {
  return { to, payload: packValue(text) };
}

/** Consumes what comes as the test says; keeps the texts of all messages that it has consumed as its state. */
export class ScriptedConsumer implements Consumer {
  batchMax = 1;
  /** Every delivery that was begun. */
  readonly begun: { readonly text: string; readonly attempt: number; readonly from: string }[] = [];
  readonly told: LifecycleEvent[] = [];
  handle: (text: string, delivery: Delivery) => Outcome | Promise<Outcome> = () => consumed();
  onEvent: (event: LifecycleEvent) => Effects | Promise<Effects> = () => NO_EFFECTS;
  /** Handlers of events that were tried again. */
  readonly recalled: { readonly call: EventCall; readonly attempt: number }[] = [];
  onRecall: (call: EventCall, attempt: number) => Effects | Promise<Effects> = () => NO_EFFECTS;
  interrupts = 0;
  isClosed = false;
  /** Calls that began while another ran. */
  overlaps = 0;
  #texts: string[];
  #running = 0;
  #interrupted = false;

  constructor(state?: Uint8Array) {
    this.#texts = state === undefined ? [] : (unpackValue(state) as string[]);
  }

  /** Texts of the messages that were consumed, in order. */
  get texts(): readonly string[] {
    return this.#texts;
  }

  consume(
    batch: readonly Delivery[],
    done: (index: number, outcome: Outcome, more?: boolean) => void,
  ): void {
    this.#enter();
    this.#interrupted = false;
    const from = (start: number): void => {
      for (let index = start; index < batch.length; index++) {
        if (this.isClosed) return;
        if (this.#interrupted) {
          if (index === batch.length - 1) this.#running--;
          done(index, { type: "interrupted" });
          continue;
        }
        const delivery = batch[index] as Delivery;
        const text = String(unpackValue(delivery.payload));
        this.begun.push({ text, attempt: delivery.attempt, from: delivery.fromName });
        const end = (outcome: Outcome): void => {
          if (outcome.type === "consumed") this.#texts = [...this.#texts, text];
          if (outcome.type === "failed") this.#interrupted = true;
          if (index === batch.length - 1) this.#running--;
          done(index, outcome);
        };
        const outcome = this.handle(text, delivery);
        if (outcome instanceof Promise) {
          void outcome.then((late) => {
            if (this.isClosed) return;
            end(late);
            from(index + 1);
          });
          return;
        }
        end(outcome);
      }
    };
    from(0);
  }

  interrupt(): void {
    this.interrupts++;
    this.#interrupted = true;
  }

  notify(event: LifecycleEvent, done: (effects: Effects) => void): void {
    this.told.push(event);
    this.#run(() => this.onEvent(event), done);
  }

  recall(call: EventCall, { attempt }: Tries, done: (effects: Effects) => void): void {
    this.recalled.push({ call, attempt });
    this.#run(() => this.onRecall(call, attempt), done);
  }

  #run(handle: () => Effects | Promise<Effects>, done: (effects: Effects) => void): void {
    this.#enter();
    const effects = handle();
    const end = (late: Effects): void => {
      this.#running--;
      done(late);
    };
    if (effects instanceof Promise) void effects.then(end);
    else end(effects);
  }

  snapshot(): Uint8Array {
    return packValue(this.#texts);
  }

  close(): void {
    this.isClosed = true;
  }

  #enter(): void {
    if (this.#running > 0) this.overlaps++;
    this.#running++;
  }
}

/** A promise and its end. */
export class Signal<T = void> {
  end: (value: T) => void = () => {};
  fail: (error: Error) => void = () => {};
  readonly promise = new Promise<T>((resolve, reject) => {
    this.end = resolve;
    this.fail = reject;
  });
}
