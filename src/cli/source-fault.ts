import { parse } from "acorn";

/** Text that is no JavaScript or TypeScript, and where. */
export interface SourceFault {
  readonly what: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** The line with a caret under the place, for people. */
  readonly picture: string;
}

const MARK = "meander-source-fault ";

/** A fault as the message of an error. */
export function encodeSourceFault(fault: SourceFault): string {
  return MARK + JSON.stringify(fault);
}

/** The fault in a message that {@link encodeSourceFault} made; undefined for other messages. */
export function decodeSourceFault(message: string): SourceFault | undefined {
  const at = message.indexOf(MARK);
  if (at < 0) return undefined;
  return JSON.parse(message.slice(at + MARK.length)) as SourceFault;
}

/** What the stripper of types throws; undefined for anything else. */
export function faultOfStripping(thrown: unknown, file: string): SourceFault | undefined {
  if (typeof thrown !== "object" || thrown === null) return undefined;
  const { message, snippet, startLine, startColumn } = thrown as Record<string, unknown>;
  if (typeof message !== "string" || typeof startLine !== "number") return undefined;
  return {
    what: message,
    file,
    line: startLine,
    column: Number(startColumn ?? 0) + 1,
    picture: typeof snippet === "string" ? snippet.trimEnd() : "",
  };
}

/**
 * The first syntax error in JavaScript; undefined when there is none. The runtime reports it only in its own error
 * output.
 */
export function faultOfModule(text: string, file: string): SourceFault | undefined {
  try {
    parse(text, { ecmaVersion: "latest", sourceType: "module", allowHashBang: true });
    return undefined;
  } catch (error) {
    const { message, loc } = error as SyntaxError & { loc?: { line: number; column: number } };
    if (loc === undefined) return undefined;
    const { line, column } = loc;
    return {
      what: message.replace(/ \(\d+:\d+\)$/, ""),
      file,
      line,
      column: column + 1,
      picture: `${text.split("\n")[line - 1] ?? ""}\n${" ".repeat(column)}^`,
    };
  }
}
