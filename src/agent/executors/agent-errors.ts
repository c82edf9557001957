import { MeanderError } from "../../base/index.ts";
import type { Fault } from "../../stream/index.ts";
import { bounded } from "./agent-output.ts";
import { formatValues } from "./format-values.ts";

/** Where the code of one agent is, in stacks. */
export function sourceName(agent: {
  readonly stream: string;
  readonly agent: string;
  readonly site: string;
}): string {
  return `agent:${agent.stream}/${agent.agent}@${agent.site}`;
}

/**
 * The errors of one agent: which of ours it sees, and what we report of its own.
 *
 * An agent never gets one of our error objects: their class, their cause and what they refer to stay outside.
 */
export class AgentErrors {
  readonly #agent: string;
  readonly #source: string;
  /** Those that were given to the agent, and their codes: a code that an agent makes up counts for nothing. */
  readonly #given = new WeakMap<object, string>();

  /** @param source {@link sourceName} of it */
  constructor(agent: string, source: string) {
    this.#agent = agent;
    this.#source = source;
  }

  /**
   * One of our errors as the agent may have it: a plain `Error` with `code`. Any other value becomes `executor-failed`.
   */
  forAgent(thrown: unknown): Error {
    const [code, message] =
      thrown instanceof MeanderError
        ? [thrown.code, thrown.message]
        : ["executor-failed", "the site could not do it"];
    const error = Object.assign(new Error(message), { code });
    Object.defineProperty(error, "stack", { value: this.#framesIn(error), writable: true });
    this.#given.set(error, code);
    return error;
  }

  /** Why a handler failed that threw this. Never throws. */
  faultOf(thrown: unknown, handler: string): Fault {
    return {
      code: this.#codeOf(thrown) ?? "handler-failed",
      message: bounded(`${handler} handler: ${this.describe(thrown)}`),
      agent: this.#agent,
    };
  }

  /** Anything thrown, for people. Never throws, though it may run code of the agent. */
  describe(thrown: unknown): string {
    try {
      if (!(thrown instanceof Error)) {
        return bounded(`it threw a value that is not an Error: ${formatValues([thrown])}`);
      }
      if (thrown instanceof MeanderError) return thrown.message;
      const at = this.#placeIn(thrown);
      const name = this.#codeOf(thrown) === undefined ? `${thrown.name}: ` : "";
      return bounded(`${name}${thrown.message}${at === undefined ? "" : ` (${at})`}`);
    } catch {
      return "it threw a value that cannot be shown";
    }
  }

  /** Whether the agent has, or its code made, this error. */
  isOwn(thrown: unknown): boolean {
    if (this.#codeOf(thrown) !== undefined) return !(thrown instanceof MeanderError);
    try {
      return thrown instanceof Error && this.#placeIn(thrown) !== undefined;
    } catch {
      return true;
    }
  }

  /** Of an error of ours; undefined for those that the agent made. */
  #codeOf(thrown: unknown): string | undefined {
    try {
      if (thrown instanceof MeanderError) return thrown.code;
      return typeof thrown === "object" && thrown !== null ? this.#given.get(thrown) : undefined;
    } catch {
      return undefined;
    }
  }

  /** The stack without what is not the agent's. */
  #framesIn(error: Error): string {
    const frames = String(error.stack)
      .split(/\n\s+at /)
      .slice(1);
    const own = frames.filter((frame) => frame.includes(this.#source));
    return [`Error: ${error.message}`, ...own].join("\n    at ");
  }

  /** `foo/counter:3:12`: the innermost frame in the agent's code. */
  #placeIn(error: Error): string | undefined {
    try {
      const stack = String(error.stack);
      const start = stack.indexOf(`${this.#source}:`);
      if (start < 0) return undefined;
      const position = /^:\d+:\d+/.exec(stack.slice(start + this.#source.length));
      const code = this.#source.slice("agent:".length, this.#source.lastIndexOf("@"));
      return position === null ? code : code + position[0];
    } catch {
      return undefined;
    }
  }
}
