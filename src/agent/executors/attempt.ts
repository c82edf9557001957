import { AssertionFailed, LIMITS, MeanderError } from "../../base/index.ts";
import type { Append, Fault, TimerRequest } from "../../stream/index.ts";
import { packValue, unpackValue } from "../../wire/index.ts";
import type { AgentHost } from "../executor.ts";
import type { AgentErrors } from "./agent-errors.ts";
import type { AgentOutput } from "./agent-output.ts";

/** What all calls of one agent have in common. */
export interface AgentWorld {
  readonly stream: string;
  readonly agent: string;
  readonly site: string;
  readonly host: AgentHost;
  readonly errors: AgentErrors;
  readonly output: AgentOutput;
  /** Stays at this site. */
  readonly local: Record<string, unknown>;
}

/**
 * One call of a handler, and its effects so far. It ends once; from then on the agent can do nothing more on its
 * behalf, whatever of its code still runs.
 */
export class Attempt {
  readonly world: AgentWorld;
  #appends: Append[] = [];
  readonly timers: TimerRequest[] = [];
  relocate: string | undefined;
  exits = false;
  #isLive = true;
  #effectBytes = 0;
  #calls = 0;
  #requests: { readonly verb: string; readonly argument: Uint8Array }[] | undefined;

  constructor(world: AgentWorld) {
    this.world = world;
  }

  get appends(): readonly Append[] {
    return this.#appends;
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  end(): void {
    this.#isLive = false;
  }

  /** Before anything that the agent does. @throws `handler-ended` */
  check(): void {
    if (this.#isLive) return;
    throw this.error(
      "handler-ended",
      "the handler that this belongs to has ended",
      "await what it has to wait for",
    );
  }

  /** An error of ours, as the agent gets it. */
  error(code: string, what: string, next?: string): Error {
    return this.world.errors.forAgent(
      new MeanderError(code, what, next === undefined ? {} : { next }),
    );
  }

  /** As `packValue`. */
  pack(value: unknown): Uint8Array {
    return this.told(() => packValue(value));
  }

  /** Runs our own code; its errors are converted for the agent, whose own pass. */
  told<T>(action: () => T): T {
    try {
      return action();
    } catch (thrown) {
      const isOurs = thrown instanceof MeanderError || thrown instanceof AssertionFailed;
      throw isOurs ? this.world.errors.forAgent(thrown) : thrown;
    }
  }

  append(to: string, payload: Uint8Array): void {
    this.#weigh(payload);
    this.#appends.push({ to, payload });
  }

  setTimer(delayMs: number, payload: Uint8Array): void {
    this.#weigh(payload);
    this.timers.push({ agent: this.world.agent, delayMs, payload });
  }

  /** What was appended to one stream so far: it leaves now, whatever becomes of the handler. */
  takeAppends(to: string): Uint8Array[] {
    const taken = this.#appends.filter((append) => append.to === to);
    if (taken.length > 0) this.#appends = this.#appends.filter((append) => append.to !== to);
    return taken.map(({ payload }) => payload);
  }

  /** What was taken has not left after all: it comes before what was appended to the stream since. */
  giveBack(to: string, payloads: readonly Uint8Array[]): void {
    if (payloads.length === 0) return;
    this.#appends = [...payloads.map((payload) => ({ to, payload })), ...this.#appends];
  }

  /** Asks the site; at once, whatever becomes of the handler. Rejects with what the agent may have. */
  async call(verb: string, args: readonly unknown[]): Promise<unknown> {
    this.#countCall();
    const { host, errors } = this.world;
    try {
      return unpackValue(await host.call(verb, packValue(args)));
    } catch (thrown) {
      throw errors.forAgent(thrown);
    } finally {
      this.#calls--;
    }
  }

  /** Asks the site once the handler has ended well; what comes of it is only logged. */
  callLater(verb: string, args: readonly unknown[]): void {
    this.#countCall();
    this.#requests ??= [];
    this.#requests.push({ verb, argument: this.pack(args) });
  }

  /** The handler has succeeded, and that was reported. */
  sendRequests(): void {
    if (this.#requests === undefined) return;
    const { host, errors, output } = this.world;
    for (const { verb, argument } of this.#requests) {
      host
        .call(verb, argument)
        .catch((thrown: unknown) => output.line(`${verb} failed: ${errors.describe(thrown)}`));
    }
  }

  fault(code: string, message: string): Fault {
    return { code, message, agent: this.world.agent };
  }

  #countCall(): void {
    if (this.#calls >= LIMITS.handlerCallsMax) {
      throw this.error(
        "effects-too-many",
        `a handler waits for at most ${LIMITS.handlerCallsMax} answers at once`,
      );
    }
    this.#calls++;
  }

  #weigh(payload: Uint8Array): void {
    this.#effectBytes += payload.byteLength;
    const count = this.#appends.length + this.timers.length;
    if (count < LIMITS.handlerEffectsMax && this.#effectBytes <= LIMITS.handlerEffectBytesMax) {
      return;
    }
    throw this.error(
      "effects-too-many",
      `a handler appends at most ${LIMITS.handlerEffectsMax} messages of ${LIMITS.handlerEffectBytesMax} bytes together`,
    );
  }
}
