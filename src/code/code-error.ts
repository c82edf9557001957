import { MeanderError } from "../base/index.ts";

/** A place in a source. */
export interface SourcePlace {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
}

/** What somebody uploaded. */
export interface Upload {
  readonly text: string;
  readonly file: string;
  /** What is put before the text, on its first line, to make it a module. */
  readonly prefix: string;
}

/** Why code is refused. */
export type CodeErrorCode =
  /** It is neither TypeScript whose types can be stripped nor JavaScript. */
  | "code-syntax"
  /** It imports, or waits for, something from outside. */
  | "code-import"
  /** It has not exactly one default export. */
  | "code-export"
  /** It uses a name that no agent has. */
  | "code-free-variable"
  /** It uses what no agent may. */
  | "code-forbidden";

/** Code that is refused, and where. The message ends with the line and a caret under the place. */
export class CodeError extends MeanderError {
  readonly place: SourcePlace;
  /** The line's text, and under it a caret at the column. */
  readonly picture: string;

  /** @param at in the text with its prefix: line from 1, column from 0 */
  constructor(
    code: CodeErrorCode,
    what: string,
    { text, file, prefix }: Upload,
    at: { readonly line: number; readonly column: number },
    {
      expected,
      next,
      cause,
    }: {
      readonly expected?: string | undefined;
      readonly next?: string | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    const column = 1 + Math.max(0, at.column - (at.line === 1 ? prefix.length : 0));
    const place = { file, line: at.line, column };
    super(code, what, {
      where: `${place.file}:${place.line}:${place.column}`,
      ...(expected === undefined ? {} : { expected }),
      ...(next === undefined ? {} : { next }),
      cause,
    });
    this.name = "CodeError";
    this.place = place;
    this.picture = picture(text, place);
    this.message = `${this.message}\n${this.picture}`;
  }
}

/** What ends a line of JavaScript. */
const LINE_END = /\r\n|[\n\r\u2028\u2029]/;
/** Shown around the place when the line is long, characters each way. */
const SHOWN = 60;

function picture(text: string, { line, column }: SourcePlace): string {
  const whole = text.split(LINE_END)[line - 1] ?? "";
  const at = Math.min(column - 1, whole.length);
  const start = Math.max(0, at - SHOWN);
  // One printable character for each unit, so that the caret stands under its place and a terminal is not disturbed.
  const shown = whole
    .slice(start, at + SHOWN)
    .replaceAll(/[^\x20-\x7e]/g, (unit) => (unit === "\t" ? " " : "?"));
  return `  ${shown}\n  ${" ".repeat(at - start)}^`;
}
