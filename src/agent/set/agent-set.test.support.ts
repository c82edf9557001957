import { SeededRandom, SILENT, VirtualClock } from "../../base/index.ts";
import type { Delivery, Effects, Fault, LifecycleEvent, Outcome } from "../../stream/index.ts";
import { packValue } from "../../wire/index.ts";
import {
  type AgentSpec,
  type AgentState,
  DEFAULT_LIMITS,
  DEFAULT_ON_ERROR,
  type ErrorPolicy,
} from "../model.ts";
import type { AppendRequest, SessionPort } from "../session-port.ts";
import { AgentSet, type AgentSetOptions } from "./agent-set.ts";
import { codeOf, type Script, ScriptedExecutor } from "./scripted-executor.test.support.ts";
import { SiteAgents } from "./site-agents.ts";

/** A spec whose code is the script of its name. */
export function specOf(name: string, changes: Partial<AgentSpec> = {}): AgentSpec {
  return {
    name,
    code: codeOf(name),
    replaced: {},
    isolation: "inline",
    limits: DEFAULT_LIMITS,
    onError: DEFAULT_ON_ERROR,
    owner: "shell-1",
    ...changes,
  };
}

export function policyOf(retry: number, backoffMs: number, then: ErrorPolicy["then"]): ErrorPolicy {
  return { retry, backoffMs, then };
}

export function stateOf(
  name: string,
  briefcase: object = {},
  changes: Partial<AgentSpec> = {},
): AgentState {
  return { spec: specOf(name, changes), briefcase: packValue(briefcase) };
}

export function deliveryOf(seq: number, payload: unknown = seq, attempt = 1): Delivery {
  const from = { from: 9, fromName: "foo", chain: [7, 9] };
  return { ...from, seq, attempt, deaths: 0, payload: packValue(payload) };
}

/** A site with one stream, `bar`, whose agents are the scripts of their names. */
export class ScriptedSite {
  readonly clock = new VirtualClock();
  readonly executor: ScriptedExecutor;
  readonly siteAgents: SiteAgents;
  readonly output: string[] = [];
  readonly exits: string[] = [];
  readonly faults: (Fault & { readonly during: string })[] = [];
  readonly appended: AppendRequest[] = [];
  readonly #options: Partial<AgentSetOptions>;

  constructor(scripts: Readonly<Record<string, Script>>, options: Partial<AgentSetOptions> = {}) {
    this.executor = new ScriptedExecutor(scripts);
    this.siteAgents = options.siteAgents ?? new SiteAgents({ log: SILENT });
    this.#options = options;
  }

  open(state: AgentSetOptions["state"]): Promise<AgentSet> {
    return AgentSet.open({
      stream: { name: "bar", id: 2 },
      site: "north",
      state,
      executors: { inline: this.executor },
      isolationOf: ({ isolation }) => isolation,
      code: this.executor.code,
      siteAgents: this.siteAgents,
      port: this.#port,
      output: ({ name }, line) => void this.output.push(`${name}: ${line}`),
      onExit: (agent) => void this.exits.push(agent),
      onFault: (fault, during) => void this.faults.push({ ...fault, during }),
      clock: this.clock,
      random: new SeededRandom(1),
      log: SILENT,
      ...this.#options,
    });
  }

  get #port(): SessionPort {
    const none = () => Promise.reject(new Error("not in this test"));
    return {
      name: "bar",
      site: "north",
      append: (request) => {
        this.appended.push(request);
        return Promise.resolve({ id: `bar>${request.stream}#1`, reply: packValue("pong") });
      },
      createStream: none,
      move: (stream, to) => Promise.resolve({ from: stream, to, streamEpoch: 2, ms: 1 }),
      attachAgent: none,
      detachAgent: () => Promise.resolve(),
      replaceHandler: none,
      destroyStream: none,
      stream: none,
      streams: () => Promise.resolve([]),
    };
  }
}

/** All outcomes of a batch. */
export function consume(set: AgentSet, ...batch: Delivery[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  return new Promise((resolve) =>
    set.consume(batch, (index, outcome) => {
      outcomes[index] = outcome;
      if (outcomes.length === batch.length) resolve(outcomes);
    }),
  );
}

export function notify(set: AgentSet, event: LifecycleEvent): Promise<Effects> {
  return new Promise((resolve) => set.notify(event, resolve));
}

/** A promise, and what settles it. */
export class Gate<T = void> {
  readonly promise: Promise<T>;
  open: (value: T) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

/** Everything that was ready to go on has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
