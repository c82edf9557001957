import type { AgentHost } from "../executor.ts";

/** How the host of an agent in a process reaches the executor. */
export interface ProcessHostOptions {
  /** Wall clock of the agent's site, ms. */
  readonly now: () => number;
  readonly random: () => number;
  readonly line: (line: string) => void;
  readonly call: (call: number, verb: string, argument: Uint8Array) => void;
}

interface Call {
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/** What an agent in a process has for a host: passes on to the real one, and waits for its answers. */
export class ProcessHost implements AgentHost {
  readonly #options: ProcessHostOptions;
  readonly #calls = new Map<number, Call>();
  #lastCall = 0;

  constructor(options: ProcessHostOptions) {
    this.#options = options;
  }

  readonly call = (verb: string, argument: Uint8Array): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      const call = ++this.#lastCall;
      this.#calls.set(call, { resolve, reject });
      this.#options.call(call, verb, argument);
    });

  log(line: string): void {
    this.#options.line(line);
  }

  now(): number {
    return this.#options.now();
  }

  random(): number {
    return this.#options.random();
  }

  /** An answer has come. */
  settle(number: number, end: (call: Call) => void): void {
    const call = this.#calls.get(number);
    this.#calls.delete(number);
    if (call !== undefined) end(call);
  }
}
