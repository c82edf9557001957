import { AssertionFailed, MeanderError } from "../../base/index.ts";
import type { AgentContext, GroupRef, StreamOptions, StreamRef } from "../model.ts";
import type { Attempt } from "./attempt.ts";
import { HandlerGroup } from "./handler-group.ts";
import { HandlerAgent, HandlerStream } from "./handler-stream.ts";

/** The longest delay of a timer that clocks take, ms. */
const DELAY_MAX = 2 ** 31 - 1;

/**
 * What one call of a handler sees; worthless once that call has ended. Frozen, and its class cannot be reached: see
 * {@link hardenContexts}.
 */
export class HandlerContext implements AgentContext {
  readonly #attempt: Attempt;
  #briefcase: Record<string, unknown>;
  #message: AgentContext["message"];
  #isMessageOwn = false;

  /** @param message stays the caller's: the agent gets a copy */
  constructor(
    attempt: Attempt,
    briefcase: Record<string, unknown>,
    message: AgentContext["message"],
  ) {
    this.#attempt = attempt;
    this.#briefcase = briefcase;
    this.#message = message;
    Object.freeze(this);
  }

  get briefcase(): Record<string, unknown> {
    return this.#briefcase;
  }

  set briefcase(briefcase: Record<string, unknown>) {
    this.#briefcase = briefcase;
  }

  get message(): AgentContext["message"] {
    if (this.#message === undefined || this.#isMessageOwn) return this.#message;
    const { id, from, attempt } = this.#message;
    this.#isMessageOwn = true;
    this.#message = Object.freeze({ id, from, attempt });
    return this.#message;
  }

  get local(): Record<string, unknown> {
    return this.#attempt.world.local;
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
    const members = Array.from(names, (name) => nameOf(this.#attempt, name));
    return new HandlerGroup(this.#attempt, members);
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
    const created = nameOf(attempt, name);
    await attempt.call("createStream", [created, placement]);
    return new HandlerStream(attempt, created);
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

/** What handlers get objects of. */
const CLASSES = [HandlerContext, HandlerStream, HandlerAgent, HandlerGroup];

/**
 * Makes what handlers get unchangeable for all of them, and takes away what leads from it to our own code: no object
 * has a `constructor` but that of the language. Our errors, which agents never get, cannot be changed either. The
 * thread is locked down; calling it again does nothing.
 */
export function hardenContexts(): void {
  for (const { prototype } of CLASSES) Reflect.deleteProperty(prototype, "constructor");
  harden([...CLASSES, MeanderError, AssertionFailed]);
}
