import { shown } from "../terminal.ts";

/** What a full screen needs of a terminal for output. */
export interface ScreenOutput {
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
}

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/** Terminals that know it show what is between at once; the others ignore it. */
const BEGIN = "\x1b[?2026h";
const END = "\x1b[?2026l";
const CLEAR_REST = "\x1b[K";

/** The whole terminal as lines that are redrawn in place: only those that changed are written, all in one write. */
export class FullScreen implements Disposable {
  readonly #output: ScreenOutput;
  #drawn: readonly string[] = [];
  #size = "";
  #isOpen = true;

  /** Switches to the alternate screen; the previous contents return at the end. */
  constructor(output: ScreenOutput) {
    this.#output = output;
    output.write(ENTER);
  }

  get columns(): number {
    return this.#output.columns || 80;
  }

  get rows(): number {
    return this.#output.rows || 24;
  }

  /** Shows lines from the top; no longer than the screen is wide. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const size = `${this.columns}x${this.rows}`;
    const isResized = size !== this.#size;
    this.#size = size;
    const visible = lines.slice(0, this.rows).map((line) => shown(line));
    let text = isResized ? "\x1b[2J" : "";
    for (let row = 0; row < Math.max(visible.length, this.#drawn.length); row++) {
      const line = visible[row] ?? "";
      if (!isResized && line === this.#drawn[row]) continue;
      text += `\x1b[${row + 1};1H${line}${CLEAR_REST}`;
    }
    this.#drawn = visible;
    if (text !== "") this.#output.write(BEGIN + text + END);
  }

  /** Restores the terminal. Idempotent. */
  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#output.write(LEAVE);
  }
}
