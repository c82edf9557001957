import { LIMITS, MeanderError, messageOf } from "../base/index.ts";
import type { Json } from "./directory.ts";

const UTF8 = new TextEncoder();

/**
 * [D11] A value as JSON text.
 *
 * @throws {MeanderError} `directory-value-invalid`, `directory-value-too-large`
 */
export function encodeValue(key: string, value: Json): string {
  return encodeJson(`directory key ${key}`, value, LIMITS.directoryValueBytesMax);
}

/**
 * The same for JSON that is not the value of a key.
 *
 * @param where identifies it in errors
 * @throws {MeanderError} `directory-value-invalid`, `directory-value-too-large`
 */
export function encodeJson(where: string, value: Json, bytesMax: number): string {
  const text = stringify(where, value);
  const bytes = UTF8.encode(text).byteLength;
  if (bytes > bytesMax) {
    throw new MeanderError("directory-value-too-large", `the value has ${bytes} bytes`, {
      where,
      expected: `at most ${bytesMax}`,
      next: "keep large things as blobs",
    });
  }
  if (nestingOf(text) > LIMITS.directoryValueDepthMax) {
    throw invalid(where, `it is nested deeper than ${LIMITS.directoryValueDepthMax}`);
  }
  return text;
}

/** How deeply arrays and objects of a JSON text lie in each other. Never throws, whatever the text. */
export function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (quoted) {
      if (character === "\\") index++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === "[" || character === "{") deepest = Math.max(deepest, ++depth);
    else if (character === "]" || character === "}") depth--;
  }
  return deepest;
}

function stringify(where: string, value: Json): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value) as string | undefined;
  } catch (cause) {
    throw invalid(where, messageOf(cause), cause);
  }
  if (text === undefined) throw invalid(where, `it is ${typeof value}`);
  return text;
}

function invalid(where: string, why: string, cause?: unknown): MeanderError {
  return new MeanderError("directory-value-invalid", `the value is not JSON: ${why}`, {
    where,
    expected: "null, booleans, numbers, strings, arrays and plain objects",
    cause,
  });
}
