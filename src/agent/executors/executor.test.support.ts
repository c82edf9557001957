import assert from "node:assert/strict";
import { MeanderError, SeededRandom } from "../../base/index.ts";
import { packValue, unpackValue } from "../../wire/index.ts";
import type {
  AgentHost,
  AgentInstance,
  AgentProgram,
  Executor,
  Invocation,
  InvocationResult,
} from "../executor.ts";
import type { HandlerName } from "../model.ts";

/** An executor to examine, and the time around it. */
export interface ExecutorUnderTest extends AsyncDisposable {
  readonly executor: Executor;
  /** Lets a waiting handler's time pass: moves a virtual clock on; a real one moves by itself. */
  pass(ms: number): void;
}

/** A rule of the conformance suite: its sentence, and the body that holds an executor to it. */
export type Rule = (text: string, body: (under: ExecutorUnderTest) => Promise<void>) => void;

/** Something an agent asks of its site, to be answered by the test. */
export interface HostRequest {
  readonly verb: string;
  readonly args: readonly unknown[];
  answer(value: unknown): void;
  refuse(code: string, what: string): void;
}

/** The outside of an agent: keeps what it prints and asks. */
export class TestHost implements AgentHost {
  readonly lines: string[] = [];
  readonly requests: HostRequest[] = [];
  #random: SeededRandom;
  #waiting: (() => void)[] = [];

  constructor(seed = 1) {
    this.#random = new SeededRandom(seed);
  }

  readonly call = (verb: string, argument: Uint8Array): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      this.requests.push({
        verb,
        args: unpackValue(argument) as unknown[],
        answer: (value) => resolve(packValue(value)),
        refuse: (code, what) => reject(new MeanderError(code, what)),
      });
      this.#changed();
    });

  log(line: string): void {
    this.lines.push(line);
    this.#changed();
  }

  now(): number {
    return 1_700_000_000_000;
  }

  random(): number {
    return this.#random.float();
  }

  /** The oldest request not taken yet; waits for one. */
  async request(): Promise<HostRequest> {
    for (;;) {
      const request = this.requests.shift();
      if (request !== undefined) return request;
      await this.#change();
    }
  }

  /** Settles when so many lines were printed. */
  async printed(count: number): Promise<void> {
    while (this.lines.length < count) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  #changed(): void {
    for (const check of this.#waiting.splice(0)) check();
  }
}

/** A program of an agent `counter` at stream `foo`; `on` is the text of its handlers. */
export function programOf(on: string, changes: Partial<AgentProgram> = {}): AgentProgram {
  return {
    stream: "foo",
    streamId: 7,
    agent: "counter",
    owner: "shell-1",
    code: `{ on: { ${on} } }`,
    replaced: {},
    briefcase: packValue({}),
    site: "north",
    handlerMs: 60_000,
    memoryMb: 64,
    briefcaseBytes: 10_000,
    ...changes,
  };
}

export function messageOf(value: unknown, number = 1): Invocation {
  return {
    handler: "append",
    argument: packValue(value),
    message: { id: `bar>foo#${number}`, from: "bar", attempt: 1 },
  };
}

export function eventOf(handler: HandlerName, value: unknown): Invocation {
  return { handler, argument: packValue(value), message: undefined };
}

/** Runs calls; settles when all have their results, which came in order. */
export function run(
  instance: AgentInstance,
  batch: readonly Invocation[],
): Promise<InvocationResult[]> {
  const results: InvocationResult[] = [];
  return new Promise((resolve, reject) => {
    instance.run(batch, (index, result) => {
      if (index !== results.length) reject(new Error(`result ${index} after ${results.length}`));
      results.push(result);
      if (results.length === batch.length) resolve(results);
    });
  });
}

/** Runs one append; what it led to, unpacked. */
export async function append(instance: AgentInstance, value: unknown): Promise<Told> {
  const [result] = await run(instance, [messageOf(value)]);
  assert.ok(result);
  return told(result);
}

/** A result with its values unpacked. */
export type Told =
  | {
      readonly type: "done";
      readonly briefcase: unknown;
      readonly reply: unknown;
      readonly appends: readonly (readonly [string, unknown])[];
      readonly timers: readonly (readonly [number, unknown])[];
      readonly relocate: string | undefined;
      readonly exits: boolean;
    }
  | { readonly type: "failed"; readonly code: string; readonly message: string }
  | { readonly type: "interrupted" };

export function told(result: InvocationResult): Told {
  if (result.type === "interrupted") return result;
  if (result.type === "failed") {
    assert.equal(result.fault.agent, "counter");
    return { type: "failed", code: result.fault.code, message: result.fault.message };
  }
  const { briefcase, effects, exits } = result;
  return {
    type: "done",
    briefcase: briefcase === undefined ? undefined : unpackValue(briefcase),
    reply: effects.reply === undefined ? undefined : unpackValue(effects.reply),
    appends: effects.appends.map(({ to, payload }) => [to, unpackValue(payload)]),
    timers: effects.timers.map(({ delayMs, payload }) => [delayMs, unpackValue(payload)]),
    relocate: effects.relocate,
    exits,
  };
}

/** The reply of a call that ended well. */
export async function replyOf(instance: AgentInstance, value: unknown): Promise<unknown> {
  const result = await append(instance, value);
  assert.equal(result.type, "done", JSON.stringify(result));
  return result.reply;
}

export async function failureOf(
  instance: AgentInstance,
  value: unknown,
): Promise<{ readonly code: string; readonly message: string }> {
  const result = await append(instance, value);
  assert.equal(result.type, "failed", JSON.stringify(result));
  return { code: result.code, message: result.message };
}
