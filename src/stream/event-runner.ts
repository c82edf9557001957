import type { Consumer, Effects, EventCall, LifecycleEvent, Tries } from "./consumer.ts";
import type { StreamContext } from "./stream-context.ts";

/** What an {@link EventRunner} uses of its stream. */
export interface EventRunnerPorts {
  readonly stream: StreamContext;
  readonly consumer: Pick<Consumer, "notify" | "recall">;
  apply(effects: Effects): void;
  /** Whether the stream has left: what its handlers did is void. */
  hasLeft(): boolean;
}

/** Called with the effects of an event, in the turn in which they are applied and before that. */
export type EventEnd = (effects: Effects) => void;

/**
 * Runs the handlers of events. Both methods resolve when the effects are applied, or void because the stream has left.
 */
export class EventRunner {
  readonly #ports: EventRunnerPorts;

  constructor(ports: EventRunnerPorts) {
    this.#ports = ports;
  }

  notify(event: LifecycleEvent, end: EventEnd): Promise<void> {
    return this.#run((done) => this.#ports.consumer.notify(event, done), end);
  }

  /** Runs one agent's handler again. @param tries its attempt is 2 for the second run */
  recall(call: EventCall, tries: Tries, end: EventEnd): Promise<void> {
    return this.#run((done) => this.#ports.consumer.recall(call, tries, done), end);
  }

  #run(run: (done: EventEnd) => void, end: EventEnd): Promise<void> {
    const { stream, apply, hasLeft } = this.#ports;
    return new Promise((resolve) => {
      run((effects) =>
        stream.turn(() => {
          if (!hasLeft()) {
            end(effects);
            apply(effects);
            if (effects.changed || effects.appends.length > 0 || effects.timers.length > 0)
              stream.changed();
            stream.wake();
          }
          resolve();
        }),
      );
    });
  }
}
