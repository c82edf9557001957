import { MeanderError } from "../base/index.ts";

/**
 * A malformed stack string. The message has three lines: what is wrong, the text, and a caret under the position. [S9]
 *
 * Codes: `stack-syntax` (not a stack), `stack-module-unknown` (no such module or transport), `stack-parameter` (no such
 * parameter, or not a value it may have), `stack-order` (a layer is not allowed there).
 */
export class StackError extends MeanderError {
  /** Where it is in the text, in UTF-16 units, the first is 1. */
  readonly column: number;
  /** The text, and under it a caret at the column. */
  readonly picture: string;

  constructor(
    code: "stack-syntax" | "stack-module-unknown" | "stack-parameter" | "stack-order",
    what: string,
    {
      text,
      column,
      expected,
      cause,
    }: {
      readonly text: string;
      readonly column: number;
      readonly expected: string;
      readonly cause?: unknown;
    },
  ) {
    super(code, what, { where: `stack, column ${column}`, expected, cause });
    this.name = "StackError";
    this.column = column;
    this.picture = picture(text, column);
    this.message = `${this.message}\n${this.picture}`;
  }
}

/** Shown around the place when the text is long, characters each way. */
const SHOWN = 60;

function picture(text: string, column: number): string {
  const start = Math.max(0, column - 1 - SHOWN);
  // One printable character for each unit, so that the caret stands under its place and a terminal is not disturbed.
  const shown = text.slice(start, column - 1 + SHOWN).replaceAll(/[^\x20-\x7e]/g, "?");
  return `  ${shown}\n  ${" ".repeat(column - 1 - start)}^`;
}
