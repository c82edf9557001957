import type { AgentProgram, Invocation } from "../../agent/index.ts";
import type { Random } from "../../base/index.ts";
import { unpackValue } from "../../wire/index.ts";
import type { Moment } from "../streams/mortal-executor.ts";

const MOMENTS: readonly Moment[] = ["before", "during", "after"];

/** What ends the executors of a storm, and how often each message did. */
export class StormDeaths {
  /** Executors that each poison has ended, by its number: processes of agents, and sites. */
  readonly ended = new Map<number, { processes: number; sites: number }>();
  readonly #random: Random;
  /** What was found to have ended a process for no reason of its own: not again, so that it is not given up for it. */
  readonly #blamed = new Set<string>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** When a call ends what runs it. */
  readonly endsAt = (call: Invocation, program: AgentProgram): Moment | undefined => {
    if (poisonOf(call, program) === undefined) return undefined;
    return MOMENTS[this.#random.below(MOMENTS.length)];
  };

  /** A call has ended what ran it. */
  note(call: Invocation, program: AgentProgram, isSite: boolean): void {
    const number = poisonOf(call, program);
    if (number === undefined) return;
    const ended = this.ended.get(number) ?? { processes: 0, sites: 0 };
    if (isSite) ended.sites++;
    else ended.processes++;
    this.ended.set(number, ended);
  }

  /** Whether what runs may be found to have ended its process, for no reason of its own. */
  readonly mayBlame = (call: Invocation, program: AgentProgram): boolean => {
    if (poisonOf(call, program) !== undefined) return false;
    const { handler, message } = call;
    const key = `${program.stream} ${program.agent} ${message?.id ?? handler}`;
    if (this.#blamed.has(key)) return false;
    this.#blamed.add(key);
    return true;
  };

  /** Executors that have ended, in all. */
  get count(): number {
    let count = 0;
    for (const { processes, sites } of this.ended.values()) count += processes + sites;
    return count;
  }
}

/** The number of a poison; undefined when a call is none. The second agent of a stream has no trouble with them. */
function poisonOf({ handler, argument }: Invocation, { agent }: AgentProgram): number | undefined {
  if (handler !== "append" || agent !== "counter" || argument.byteLength > POISON_BYTES_MAX)
    return undefined;
  const message = unpackValue(argument) as { readonly poison?: number };
  return message.poison;
}

/** Of a poison, packed; other messages may be as short. */
const POISON_BYTES_MAX = 24;
