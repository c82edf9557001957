import { formatWithOptions, type InspectOptions } from "node:util";
import { LIMITS } from "../../base/index.ts";

/** Values are shown as `console.log` shows them, but for methods of theirs that would be called for it. */
const SHOWN: InspectOptions = {
  customInspect: false,
  maxArrayLength: 100,
  maxStringLength: LIMITS.handlerLineCharactersMax,
};

/** Values as one text, like `console.log`. May run code of their author, and throw what that throws. */
export function formatValues(values: readonly unknown[]): string {
  return formatWithOptions(SHOWN, ...values);
}

/** Cut to what a line of output may have. */
export function bounded(line: string): string {
  const { handlerLineCharactersMax } = LIMITS;
  if (line.length <= handlerLineCharactersMax) return line;
  return `${line.slice(0, handlerLineCharactersMax - 1)}…`;
}

/** What one agent prints: lines, each bounded, and so many for each handler. */
export class AgentOutput {
  readonly #write: (line: string) => void;
  #written = 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** A handler starts. */
  begin(): void {
    this.#written = 0;
  }

  /** Values, as `console.log` takes them. */
  print(values: readonly unknown[]): void {
    if (this.#written > LIMITS.handlerLinesMax) return;
    for (const line of formatValues(values).split("\n")) this.line(line);
  }

  line(line: string): void {
    if (this.#written > LIMITS.handlerLinesMax) return;
    this.#written++;
    const isLast = this.#written > LIMITS.handlerLinesMax;
    this.#write(isLast ? "… and more, which is left out" : bounded(line));
  }
}
