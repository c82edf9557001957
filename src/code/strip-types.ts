import { createRequire } from "node:module";
import { CodeError, type Upload } from "./code-error.ts";

const require = createRequire(import.meta.url);
const STRIPPER = "@swc/wasm-typescript";

/**
 * An upload, with its prefix, as JavaScript: types become blanks, so that lines and columns stay. JavaScript is not
 * changed.
 *
 * @throws {CodeError} `code-syntax`, also for TypeScript that is more than types (`enum`, parameter properties)
 */
export function stripTypes(upload: Upload): string {
  const text = upload.prefix + upload.text;
  try {
    const { transformSync } = require(STRIPPER) as typeof import("@swc/wasm-typescript");
    return transformSync(text, { mode: "strip-only", module: true }).code;
  } catch (thrown) {
    const { message, startLine, startColumn } = thrown as Partial<StripFault>;
    if (!(thrown instanceof Error) && typeof message === "string") {
      const at = { line: startLine ?? 1, column: startColumn ?? 0 };
      throw new CodeError("code-syntax", message, upload, at, { cause: thrown });
    }
    // Its stack has a fixed size, and after an overflow the instance fails on every input: the next text gets a new
    // one.
    delete require.cache[require.resolve(STRIPPER)];
    throw tooDeep(upload, thrown);
  }
}

/** Whether a source of this name is JavaScript, whose types need no stripping. */
export function isJavaScript(file: string): boolean {
  return /\.[cm]?js$/.test(file);
}

/** Loads what strips the types of a source of this name, which the first use does else: some 100 ms. */
export function loadTypeStripper(file: string | undefined): void {
  if (file === undefined || !isJavaScript(file)) require(STRIPPER);
}

/** For what recurses and ran out of stack. */
export function tooDeep(upload: Upload, cause: unknown): CodeError {
  const what = "it is nested too deeply to be read";
  return new CodeError("code-syntax", what, upload, { line: 1, column: 0 }, { cause });
}

/** The stripper throws this, which is not an Error. */
interface StripFault {
  readonly message: string;
  /** From 1. */
  readonly startLine: number;
  /** From 0. */
  readonly startColumn: number;
}
