import { type Cancel, LIMITS } from "../base/index.ts";
import type { TimerRequest } from "./consumer.ts";
import type { StreamContext } from "./stream-context.ts";

/** What {@link StreamTimers} use of their stream. */
export interface StreamTimersPorts {
  /** Timers that have expired, and whose event the agents have not handled. */
  expiredCount(): number;
  /** A timer expires. */
  expired(agent: string, payload: Uint8Array): void;
}

interface Timer {
  readonly agent: string;
  /** On the site's clock, ms. */
  readonly at: number;
  readonly payload: Uint8Array;
  cancel: Cancel;
}

/** The timers that a stream's agents have set. They travel with the stream. */
export class StreamTimers {
  readonly #stream: Pick<StreamContext, "clock" | "count">;
  readonly #ports: StreamTimersPorts;
  readonly #timers = new Set<Timer>();

  constructor(stream: Pick<StreamContext, "clock" | "count">, ports: StreamTimersPorts) {
    this.#stream = stream;
    this.#ports = ports;
  }

  /** Sets a timer; beyond the limit it is dropped and counted. */
  set({ agent, delayMs, payload }: TimerRequest): void {
    const { clock } = this.#stream;
    if (this.#timers.size + this.#ports.expiredCount() >= LIMITS.streamTimersMax) {
      this.#stream.count("timers-full");
      return;
    }
    const timer: Timer = { agent, at: clock.now() + delayMs, payload, cancel: () => {} };
    timer.cancel = clock.after("stream timer", delayMs, () => {
      this.#timers.delete(timer);
      this.#ports.expired(agent, payload);
    });
    this.#timers.add(timer);
  }

  /** With the time that is left of each. */
  state(): TimerRequest[] {
    const now = this.#stream.clock.now();
    return [...this.#timers].map(({ agent, at, payload }) => ({
      agent,
      delayMs: Math.max(0, at - now),
      payload,
    }));
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}
