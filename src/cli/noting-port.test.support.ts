/** A session for tests of the command line. */
import {
  DEFAULT_LIMITS,
  DEFAULT_ON_ERROR,
  type ShellPort,
  type StreamEvent,
  type StreamView,
} from "../agent/index.ts";
import { MeanderError } from "../base/index.ts";
import { packValue, unpackValue } from "../wire/index.ts";

/** A session that only notes what it is asked. */
export class NotingPort implements ShellPort {
  readonly name = "shell-1";
  readonly site = "one";
  readonly closed: Promise<undefined>;
  readonly calls: unknown[][];
  readonly #listeners = new Set<(event: StreamEvent) => void>();
  #settleClosed = (): void => {};

  constructor(calls: unknown[][]) {
    this.calls = calls;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = () => resolve(undefined);
    });
  }

  now = (): number => 1_000;
  sleep = async (): Promise<void> => {};
  sites = async (): Promise<readonly string[]> => ["one", "two"];
  streams = async (): Promise<readonly StreamView[]> => [BAR];

  async stream(name: string): Promise<StreamView> {
    if (name === "bar") return BAR;
    throw new MeanderError("stream-unknown", "no stream of the session has that name", {
      where: `stream ${name}`,
    });
  }

  async append(request: Parameters<ShellPort["append"]>[0]) {
    const { stream, payload, until, timeoutMs } = request;
    this.calls.push(["append", stream, unpackValue(payload), until, timeoutMs]);
    for (const listener of this.#listeners) {
      const line = `got ${JSON.stringify(unpackValue(payload))}`;
      listener({ type: "output", at: 1_000, site: "two", stream, agent: "a", line });
    }
    const reply = until === "consumed" ? packValue({ sum: 3, big: 4n }) : undefined;
    return { id: `shell-1>${stream}#${this.calls.length}`, reply };
  }

  async createStream(...args: Parameters<ShellPort["createStream"]>) {
    this.calls.push(["createStream", ...args]);
    return BAR;
  }

  async move(...args: Parameters<ShellPort["move"]>) {
    this.calls.push(["move", ...args]);
    return { from: "two", to: args[1], streamEpoch: 4, ms: 3.21 };
  }

  async attachAgent(...[stream, request]: Parameters<ShellPort["attachAgent"]>) {
    const briefcase = request.briefcase === undefined ? undefined : unpackValue(request.briefcase);
    this.calls.push(["attachAgent", stream, { ...request, briefcase }]);
    return {
      name: request.name ?? "agent",
      code: "0".repeat(64),
      replaced: {},
      isolation: "process" as const,
      limits: DEFAULT_LIMITS,
      onError: DEFAULT_ON_ERROR,
      owner: this.name,
    };
  }

  async detachAgent(...args: Parameters<ShellPort["detachAgent"]>) {
    this.calls.push(["detachAgent", ...args]);
  }

  async replaceHandler(...args: Parameters<ShellPort["replaceHandler"]>) {
    this.calls.push(["replaceHandler", ...args]);
  }

  async destroyStream(...args: Parameters<ShellPort["destroyStream"]>) {
    this.calls.push(["destroyStream", ...args]);
  }

  async inspect() {
    return {
      ...BAR,
      mailbox: [],
      waiting: 0,
      ...{ moving: false, halted: undefined },
      ...{ current: undefined, senders: [], receivers: [] },
      deadLetters: [
        {
          id: "foo>bar#1",
          error: "Error: bad",
          ...{ attempts: 4, deaths: [], payload: packValue({ a: 1n }) },
        },
      ],
      counts: {},
      briefcases: { a: packValue(new Map([["foo", 3]])) },
    };
  }

  async why(id: string) {
    return { id, state: "waiting" as const, steps: ["It waits behind 3 others."] };
  }

  async deadLetter(...[stream, id, action, edited]: Parameters<ShellPort["deadLetter"]>) {
    const value = edited === undefined ? undefined : unpackValue(edited);
    this.calls.push(["deadLetter", stream, id, action, value]);
  }

  async evacuate(site: string) {
    this.calls.push(["evacuate", site]);
    return { moved: 0, failed: [] };
  }

  async setPolicy(...args: Parameters<ShellPort["setPolicy"]>) {
    this.calls.push(["setPolicy", ...args]);
  }

  async policies() {
    return { "sites/two": [{ effect: "deny", actions: ["move"] }] };
  }

  async policyHistory(scope: string | undefined) {
    this.calls.push(["policyHistory", scope]);
    const set = { scope: "sites/two", at: 1_000, by: "subject:ops", label: "shell-1" };
    const one = { ...set, number: 1, policy: { code: "c0de".repeat(16), file: "quota.ts" } };
    const two = { ...set, number: 2, policy: { rules: 1 }, isInForce: true };
    return scope === undefined ? [two] : [two, { ...one, isInForce: false }];
  }

  async tryPolicy(...args: Parameters<ShellPort["tryPolicy"]>) {
    this.calls.push(["tryPolicy", ...args]);
    return {
      ...{ scope: args[0], requests: 812, left: 0, since: 1_000 },
      ...{ refused: 1, allowed: 1, failed: 0, slowestMs: 3.6 },
      changes: [
        {
          ...{ at: 2_000, by: "subject:bob", label: "shell-2", action: "create", stream: "tv" },
          ...{ site: "north", was: { effect: "allow" as const } },
          would: { effect: "deny" as const, rule: "policy session", reason: "two are enough" },
        },
        {
          ...{ at: 3_000, by: "anonymous", action: "join", site: "north" },
          was: { effect: "deny" as const, rule: "policy session, rule 1", reason: "no" },
          would: { effect: "allow" as const },
        },
      ],
    };
  }

  async rollbackPolicy(scope: string, number: number | undefined) {
    this.calls.push(["rollbackPolicy", scope, number]);
    return number ?? 1;
  }

  onEvent(_filter: unknown, listener: (event: StreamEvent) => void): () => void {
    this.#listeners.add(listener);
    listener({ type: "created", at: 1_000, site: "two", stream: "bar" });
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#settleClosed();
  }
}

export const BAR: StreamView = {
  name: "bar",
  id: 2,
  site: "two",
  streamEpoch: 3,
  status: "live",
  why: undefined,
  durability: { type: "message" },
  failureManagers: [],
  agents: ["a", "b"],
};
