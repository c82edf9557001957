import type { AgentContext, GroupRef, StreamOptions, StreamRef } from "../model.ts";
import type { Attempt } from "./attempt.ts";
import { HandlerGroup } from "./handler-group.ts";
import { HandlerAgent, HandlerStream } from "./handler-stream.ts";

/** The longest delay of a timer that clocks take, ms. */
const DELAY_MAX = 2 ** 31 - 1;

/** What one call of a handler sees; worthless once that call has ended. */
export class HandlerContext implements AgentContext {
  briefcase: Record<string, unknown>;
  readonly message: AgentContext["message"];
  readonly local: Record<string, unknown>;
  readonly #attempt: Attempt;

  constructor(
    attempt: Attempt,
    briefcase: Record<string, unknown>,
    message: AgentContext["message"],
  ) {
    this.briefcase = briefcase;
    this.message = message;
    this.local = attempt.world.local;
    this.#attempt = attempt;
  }

  get stream(): string {
    return this.#attempt.world.stream;
  }

  get agent(): string {
    return this.#attempt.world.agent;
  }

  get location(): string {
    return this.#attempt.world.site;
  }

  open(name: string): StreamRef {
    this.#attempt.check();
    return new HandlerStream(this.#attempt, nameOf(this.#attempt, name));
  }

  group(names: readonly string[]): GroupRef {
    this.#attempt.check();
    const members = Array.from(
      names,
      (name) => new HandlerStream(this.#attempt, nameOf(this.#attempt, name)),
    );
    return new HandlerGroup(members);
  }

  relocate(site: string): void {
    this.#attempt.check();
    this.#attempt.relocate = nameOf(this.#attempt, site);
  }

  timer(delayMs: number, value?: unknown): void {
    this.#attempt.check();
    if (!(typeof delayMs === "number" && delayMs >= 0 && delayMs <= DELAY_MAX)) {
      throw this.#attempt.error("request-invalid", `a timer's delay is from 0 to ${DELAY_MAX} ms`);
    }
    this.#attempt.setTimer(delayMs, this.#attempt.pack(value));
  }

  async createStream(name: string, options: StreamOptions = {}): Promise<StreamRef> {
    const attempt = this.#attempt;
    attempt.check();
    const { at, durability = { type: "none" }, failureManagers = [] } = options;
    const placement = { at, durability, failureManagers };
    await attempt.call("createStream", [nameOf(attempt, name), placement]);
    return new HandlerStream(attempt, name);
  }

  exit(): void {
    this.#attempt.check();
    this.#attempt.exits = true;
  }

  log(...values: unknown[]): void {
    this.#attempt.check();
    this.#attempt.world.output.print(values);
  }

  now(): number {
    return this.#attempt.world.host.now();
  }

  random(): number {
    return this.#attempt.world.host.random();
  }
}

/** Names come from code that knows no types. */
function nameOf(attempt: Attempt, name: unknown): string {
  if (typeof name === "string" && name !== "") return name;
  throw attempt.error("request-invalid", "a name is a text that is not empty");
}

/** Makes what handlers get unchangeable for all of them. The thread is locked down; calling it again does nothing. */
export function hardenContexts(): void {
  harden([HandlerContext, HandlerStream, HandlerAgent, HandlerGroup]);
}
