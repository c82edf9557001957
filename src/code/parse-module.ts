import { type Node, type Program, parse, type Token } from "acorn";
import { CodeError, type CodeErrorCode, type Upload } from "./code-error.ts";
import type { CodeKind } from "./code-kinds.ts";
import { tooDeep } from "./strip-types.ts";

/** What the runtimes of all sites support. */
const ECMA_VERSION = 2024;

/** A range of a text, in UTF-16 units, end exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A module's text and its syntax tree. Offsets are the same in the source and in `code`. */
export interface ParsedModule {
  readonly kind: CodeKind;
  /** JavaScript, comments blanked. */
  readonly code: string;
  readonly program: Program;
  readonly tokens: readonly Token[];
  /** Makes an error about a position. */
  fault(code: CodeErrorCode, what: string, offset: number, advice?: Advice): CodeError;
}

/** What an error says besides what was wrong. */
export interface Advice {
  readonly expected?: string;
  readonly next?: string;
}

/**
 * Parses JavaScript.
 *
 * @param code the upload with its prefix and without its types
 * @throws {CodeError} `code-syntax`
 */
export function parseModule(code: string, upload: Upload): ParsedModule {
  const tokens: Token[] = [];
  const comments: Range[] = [];
  try {
    const program = parse(code, {
      ecmaVersion: ECMA_VERSION,
      sourceType: "module",
      locations: true,
      onToken: tokens,
      onComment: (_isBlock, _text, start, end) => void comments.push({ start, end }),
    });
    const fault: ParsedModule["fault"] = (kind, what, offset, advice) =>
      new CodeError(kind, what, upload, placeOf(code, offset), advice);
    return { kind: upload.kind, code: blanked(code, comments), program, tokens, fault };
  } catch (cause) {
    if (cause instanceof RangeError) throw tooDeep(upload, cause);
    if (!(cause instanceof SyntaxError)) throw cause;
    const { loc } = cause as SyntaxError & { loc?: { line: number; column: number } };
    const what = cause.message.replace(/ \(\d+:\d+\)$/, "");
    throw new CodeError("code-syntax", what, upload, loc ?? { line: 1, column: 0 }, { cause });
  }
}

/** The text with blanks in these ranges; line breaks stay. */
export function blanked(text: string, ranges: readonly Range[]): string {
  let result = "";
  let done = 0;
  for (const { start, end } of ranges) {
    result +=
      text.slice(done, start) + text.slice(start, end).replaceAll(/[^\n\r\u2028\u2029]/g, " ");
    done = end;
  }
  return result + text.slice(done);
}

/** Calls `visit` for each node, parents first. `around`: its ancestors, outermost first; valid during the call only. */
export function walk(
  node: Node,
  visit: (node: Node, around: readonly Node[]) => void,
  around: Node[] = [],
): void {
  visit(node, around);
  around.push(node);
  for (const value of Object.values(node) as unknown[]) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (isNode(each)) walk(each, visit, around);
    }
  }
  around.pop();
}

/** Whether a value in a syntax tree is a node. */
export function isNode(value: unknown): value is Node {
  return (
    typeof value === "object" && value !== null && typeof (value as Partial<Node>).type === "string"
  );
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const lines = text.slice(0, offset).split(/\r\n|[\n\r\u2028\u2029]/);
  return { line: lines.length, column: lines.at(-1)?.length ?? 0 };
}
