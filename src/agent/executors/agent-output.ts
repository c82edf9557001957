import { type Clock, LIMITS, TokenBucket } from "../../base/index.ts";
import { formatValues } from "./format-values.ts";

/** Cut to what a line of output may have. */
export function bounded(line: string): string {
  const { handlerLineCharactersMax } = LIMITS;
  if (line.length <= handlerLineCharactersMax) return line;
  return `${line.slice(0, handlerLineCharactersMax - 1)}…`;
}

/**
 * What one agent prints: lines, each bounded, at a bounded rate. Beyond it they are dropped; a line says so when that
 * begins, and another how many they were when lines are taken again.
 */
export class AgentOutput {
  readonly #write: (line: string) => void;
  readonly #rate: TokenBucket;
  #dropped = 0;

  constructor(write: (line: string) => void, clock: Pick<Clock, "now">) {
    this.#write = write;
    this.#rate = new TokenBucket(clock, {
      perSecond: LIMITS.agentLinesPerSecond,
      burst: LIMITS.agentLinesBurst,
    });
  }

  /** Values, as `console.log` takes them. */
  print(values: readonly unknown[]): void {
    if (this.#isOver) this.#drop();
    else for (const line of formatValues(values).split("\n")) this.line(line);
  }

  line(line: string): void {
    if (!this.#rate.take()) {
      this.#drop();
      return;
    }
    if (this.#dropped > 0) {
      this.#write(`… ${this.#dropped} line${this.#dropped === 1 ? " was" : "s were"} left out`);
      this.#dropped = 0;
    }
    this.#write(bounded(line));
  }

  /** Formatting what is dropped would be the dearest part of it. */
  get #isOver(): boolean {
    return this.#rate.waitMs() > 0;
  }

  #drop(): void {
    if (this.#dropped === 0)
      this.#write(
        `… more than ${LIMITS.agentLinesPerSecond} lines a second are left out, until there are fewer`,
      );
    this.#dropped++;
  }
}
