import { inspect } from "node:util";
import { MeanderError } from "../base/index.ts";

/** A value in an argument: JSON where it is JSON, else the text itself. */
export function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A value that has to be JSON. @throws {MeanderError} `arguments-invalid` */
export function parseJson(text: string, argument: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MeanderError("arguments-invalid", `not JSON: ${text}`, {
      where: `argument ${argument}`,
      expected: 'a JSON value such as {"count": 3}',
      cause,
    });
  }
}

/** An object in JSON: a briefcase. @throws {MeanderError} `arguments-invalid` */
export function parseJsonObject(text: string, argument: string): object {
  const value = parseJson(text, argument);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new MeanderError("arguments-invalid", `got ${text}`, {
    where: `argument ${argument}`,
    expected: 'a JSON object such as {"count": 3}',
  });
}

/** Names divided by commas; none in an empty text. */
export function parseNames(text: string): string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** A value for people; text is printed as it is. */
export function formatValue(value: unknown): string {
  return typeof value === "string" ? value : inspect(value, { depth: 8, breakLength: 100 });
}

/** A value on one line, cut after `length` characters. */
export function formatShort(value: unknown, length = 60): string {
  const line = inspect(value, {
    depth: 4,
    breakLength: Number.POSITIVE_INFINITY,
    maxStringLength: length,
    maxArrayLength: 20,
  }).replace(/\s+/g, " ");
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}

/** A time span in ms, for people. */
export function formatMs(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/**
 * A value as JSON shows it best. Values have more kinds than JSON: a Map becomes an object where its keys are text,
 * else a list of pairs;
 * a Set a list; bytes base64; bigints and regular expressions text; errors their name and message; a cycle
 * `"[circular]"`.
 */
export function jsonOf(value: unknown): unknown {
  return convert(value, new Set());
}

function convert(value: unknown, above: Set<object>): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value ?? null;
  if (above.has(value)) return "[circular]";
  above.add(value);
  const converted = convertObject(value, (inner) => convert(inner, above));
  above.delete(value);
  return converted;
}

function convertObject(value: object, inner: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(inner);
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? String(value) : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (value instanceof Error) return { name: value.name, message: value.message };
  if (value instanceof Set) return [...value].map(inner);
  if (value instanceof Map) return convertMap(value, inner);
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString("base64");
  if (value instanceof Uint8Array || value instanceof DataView) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  }
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<unknown>, inner);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, inner(each)]));
}

function convertMap(map: ReadonlyMap<unknown, unknown>, inner: (value: unknown) => unknown) {
  const pairs = [...map].map(([key, value]) => [inner(key), inner(value)] as const);
  return pairs.every(([key]) => typeof key === "string")
    ? Object.fromEntries(pairs as [string, unknown][])
    : pairs;
}
