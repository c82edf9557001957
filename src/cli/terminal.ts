import { styleText } from "node:util";
import Table from "cli-table3";
import { MeanderError, messageOf } from "../base/index.ts";
import { visibleText } from "../view/index.ts";

/** The output of a verb: tables and sentences for people, JSON for programs. */
export interface Terminal {
  readonly json: boolean;
  /** One JSON value with `--json`, else what `text` makes of it. */
  show<T>(value: T, text: (value: T) => string): void;
  /** A line for people, on standard error; nothing with `--json`. */
  note(line: string): void;
  /** A line on standard output, as it is. */
  write(text: string): void;
  /** Overwrites the last progress line on a terminal; nothing elsewhere. */
  progress(line: string): void;
  readonly paint: Paint;
}

/** Colours, where they are wanted. */
export type Paint = (
  style: "bold" | "dim" | "green" | "yellow" | "red" | "cyan",
  text: string,
) => string;

/** The terminal of this process. Colours only on a terminal, and never with NO_COLOR set. */
export function openTerminal(json: boolean): Terminal {
  const { stdout, stderr } = process;
  let progressing = false;
  const clear = (): void => {
    if (progressing) stderr.write("\r\x1b[2K");
    progressing = false;
  };
  return {
    json,
    paint: painter(stdout.isTTY === true && !json),
    show: (value, text) => {
      clear();
      stdout.write(`${json ? JSON.stringify(value) : shown(text(value))}\n`);
    },
    note: (line) => {
      clear();
      if (!json) stderr.write(`${shown(line)}\n`);
    },
    write: (text) => void stdout.write(text),
    progress: (line) => {
      if (json || stderr.isTTY !== true) return;
      stderr.write(`\r\x1b[2K${shown(line)}`);
      progressing = true;
    },
  };
}

/** Columns with a heading, without frames. */
export function table(
  paint: Paint,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const chars = {
    ...{ top: "", "top-mid": "", "top-left": "", "top-right": "" },
    ...{ bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "" },
    ...{
      left: "",
      "left-mid": "",
      mid: "",
      "mid-mid": "",
      right: "",
      "right-mid": "",
      middle: "  ",
    },
  };
  const style = { head: [], border: [], "padding-left": 0, "padding-right": 0 };
  const drawn = new Table({ head: head.map((each) => paint("dim", each)), chars, style });
  drawn.push(...rows.map((row) => [...row]));
  return drawn
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Prints an error in its parts, one line each. */
export function printError(error: unknown, json: boolean): void {
  const parts =
    error instanceof MeanderError
      ? {
          code: error.code,
          what: error.what,
          where: error.where,
          expected: error.expected,
          next: error.next,
        }
      : { code: "internal", what: messageOf(error) };
  if (json) {
    process.stderr.write(`${JSON.stringify({ error: parts })}\n`);
    return;
  }
  const paint = painter(process.stderr.isTTY === true);
  const { code: _code, what, ...rest } = parts;
  const lines = Object.entries(rest).map(([name, text]) =>
    text === undefined ? "" : `  ${name}: ${text}\n`,
  );
  const picture =
    error instanceof Error && "picture" in error && error.picture !== undefined
      ? `${String(error.picture)}\n`
      : "";
  process.stderr.write(shown(`${paint("red", "error:")} ${what}\n${picture}${lines.join("")}`));
  // A bug: the stack belongs into the report.
  if (!(error instanceof MeanderError) && error instanceof Error)
    process.stderr.write(`${error.stack ?? ""}\n`);
}

/** Colours and weights, as {@link Paint} sets them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they begin with one
const PAINTED = /(\x1b\[(?:1|2|22|31|32|33|36|39)m)/;

/**
 * Text for a terminal, with what others wrote in it: nothing but colours acts upon the terminal, all other control
 * characters become escapes.
 */
export function shown(text: string): string {
  return text
    .split(PAINTED)
    .map((part) => (PAINTED.test(part) ? part : visibleText(part)))
    .join("");
}

function painter(colours: boolean): Paint {
  if (!colours || process.env["NO_COLOR"] !== undefined) return (_style, text) => text;
  return (style, text) => styleText(style, text);
}
