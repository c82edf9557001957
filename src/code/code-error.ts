import { MeanderError } from "../base/index.ts";
import type { CodeKind } from "./code-kinds.ts";

/** A position in a source. */
export interface SourcePlace {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
}

/** A source to be read. */
export interface Upload {
  readonly text: string;
  readonly file: string;
  /** Put before the text, on its first line, to make it a module. */
  readonly prefix: string;
  readonly kind: CodeKind;
}

/** Why code is refused. */
export type CodeErrorCode =
  /** Neither JavaScript nor TypeScript whose types can be stripped. */
  | "code-syntax"
  /** Imports, or awaits at the top level, something from outside. */
  | "code-import"
  /** Does not have exactly one default export. */
  | "code-export"
  /** Uses a name that is not defined where it runs. */
  | "code-free-variable"
  /** Uses what is not allowed where it runs. */
  | "code-forbidden";

/** Code was refused. The message ends with the line, and a caret under the position. */
export class CodeError extends MeanderError {
  readonly place: SourcePlace;
  /** The line, and under it a caret at the column. */
  readonly picture: string;

  /** @param at in the text with its prefix: line from 1, column from 0 */
  constructor(
    code: CodeErrorCode,
    what: string,
    { text, file, prefix }: Pick<Upload, "text" | "file" | "prefix">,
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

/** Line terminators of JavaScript. */
const LINE_END = /\r\n|[\n\r\u2028\u2029]/;
/** Characters shown on either side of the position when the line is long. */
const SHOWN = 60;

function picture(text: string, { line, column }: SourcePlace): string {
  const whole = text.split(LINE_END)[line - 1] ?? "";
  const at = Math.min(column - 1, whole.length);
  const start = Math.max(0, at - SHOWN);
  // One printable character for each unit: the caret stays aligned, and control characters do not reach the terminal.
  const shown = whole
    .slice(start, at + SHOWN)
    .replaceAll(/[^\x20-\x7e]/g, (unit) => (unit === "\t" ? " " : "?"));
  return `  ${shown}\n  ${" ".repeat(at - start)}^`;
}
