import { defineAgent, type Shell, type ShellStream } from "../../src/site/index.ts";

/** What a {@link counting} agent has in its briefcase. */
export interface Count {
  /** Numbers received. */
  count: number;
  /** The last of them. */
  last: number;
  /** How often one was not the successor of the last. */
  wrong: number;
  /** The stream that each is appended to; empty: none. */
  to: string;
}

const FRESH: Count = { count: 0, last: 0, wrong: 0, to: "" };

/** Counts numbers and passes them on; 0 only asks for the count. */
const counting = defineAgent({
  name: "counter",
  briefcase: { ...FRESH },
  on: {
    append: async (ctx, number: number) => {
      const { briefcase } = ctx;
      if (number === 0) return briefcase.count;
      if (number !== briefcase.last + 1) briefcase.wrong++;
      briefcase.last = number;
      briefcase.count++;
      if (briefcase.to !== "") await ctx.open(briefcase.to).append(number);
      return briefcase.count;
    },
  },
});

/** How a counter is created. */
export interface CounterOptions {
  readonly at: string;
  /** Its keeper and failure managers, best first; none: it has no record. */
  readonly keptAt?: readonly string[];
  /** The stream that the numbers are passed on to. */
  readonly to?: string;
}

/** Creates a stream that counts. */
export async function createCounter(
  shell: Shell,
  name: string,
  { at, keptAt, to = "" }: CounterOptions,
): Promise<ShellStream> {
  const durability = { type: keptAt === undefined ? "none" : "message" } as const;
  const stream = await shell.createStream(name, { at, durability, failureManagers: keptAt ?? [] });
  await stream.registerAgent(counting, { briefcase: { ...FRESH, to } });
  return stream;
}

/** What a counter has counted, by its site. */
export async function countOf(shell: Shell, name: string): Promise<Count> {
  const { briefcases } = await shell.inspect(name);
  return briefcases["counter"] as Count;
}

/** Appends under way at once: they keep their order. */
const AT_ONCE = 8;

/** Appends 1, 2, 3, … to a stream, as fast as its site accepts them. */
export class Load {
  readonly #stream: ShellStream;
  readonly #work: Promise<void>;
  #appended = 0;
  #isStopped = false;

  constructor(stream: ShellStream) {
    this.#stream = stream;
    this.#work = this.#run();
    // Reported by `stop`.
    this.#work.catch(() => {});
  }

  /** How many numbers were appended. */
  get appended(): number {
    return this.#appended;
  }

  /** Ends it. The last number that was appended. */
  async stop(): Promise<number> {
    this.#isStopped = true;
    await this.#work;
    return this.#appended;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const numbers = Array.from({ length: AT_ONCE }, (_, index) => this.#appended + 1 + index);
      await Promise.all(numbers.map((number) => this.#stream.append(number)));
      this.#appended += AT_ONCE;
    }
  }
}
