import { Packr } from "msgpackr";
import { MeanderError, messageOf } from "../../base/index.ts";
import { isPlain, readPlain, writePlain } from "./plain-value.ts";

/** Structured-clone values as MessagePack; each encoding stands alone. */
const packr = new Packr({ structuredClone: true, moreTypes: true, copyBuffers: true });

/** Values deeper than this are refused: what any reader takes without running out of stack. */
const DEPTH_MAX = 200;

/**
 * A value as bytes: the form of messages, replies and briefcases.
 *
 * Accepts what structured clone accepts, except for what only one process can hold: null, undefined, booleans, numbers,
 * bigints, strings, dates, regular expressions, errors, arrays, plain objects, Map, Set, ArrayBuffer and its views,
 * shared and cyclic references. The bytes belong to the caller.
 *
 * @throws {MeanderError} `value-uncloneable` for functions, symbols, promises, weak collections and the like; says
 *   where
 */
export function packValue(value: unknown): Uint8Array {
  return writePlain(value) ?? packAny(value);
}

function packAny(value: unknown): Uint8Array {
  const fault = faultOf(value, "", new Set(), 0);
  if (fault !== undefined) {
    throw new MeanderError("value-uncloneable", fault.what, {
      where: fault.path === "" ? "the value itself" : `value${fault.path}`,
      expected: "plain data: objects, arrays, Map, Set, strings, numbers, dates, typed arrays",
    });
  }
  try {
    // The packer gives a view of a buffer that it uses again.
    return new Uint8Array(packr.pack(value));
  } catch (cause) {
    throw new MeanderError("value-uncloneable", messageOf(cause), { where: "value", cause });
  }
}

/**
 * The value that {@link packValue} made bytes of. Shares no memory with the bytes.
 *
 * @throws {MeanderError} `value-malformed` for any other bytes
 */
export function unpackValue(bytes: Uint8Array): unknown {
  if (isPlain(bytes)) return readPlain(bytes);
  // Bytes in the value are of the class of the whole, and confined code must not meet the platform's own (Buffer).
  const plain =
    Object.getPrototypeOf(bytes) === Uint8Array.prototype
      ? bytes
      : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return packr.unpack(plain);
  } catch (cause) {
    throw new MeanderError("value-malformed", "the bytes are not a value", {
      where: `${bytes.byteLength} bytes`,
      cause,
    });
  }
}

interface Fault {
  readonly path: string;
  readonly what: string;
}

function faultOf(
  value: unknown,
  path: string,
  seen: Set<object>,
  depth: number,
): Fault | undefined {
  switch (typeof value) {
    case "function":
      return { path, what: "a function cannot travel" };
    case "symbol":
      return { path, what: "a symbol cannot travel" };
    case "object":
      break;
    default:
      return undefined;
  }
  if (value === null || seen.has(value)) return undefined;
  if (depth > DEPTH_MAX) return { path: "", what: `it is nested deeper than ${DEPTH_MAX}` };
  seen.add(value);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const fault = faultOf(value[index], `${path}[${index}]`, seen, depth + 1);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null || prototype === Object.prototype)
    return fieldsFault(value, path, seen, depth);
  if (value instanceof Map) {
    for (const [key, each] of value) {
      const fault =
        faultOf(key, `${path}.(key)`, seen, depth + 1) ??
        faultOf(each, `${path}.get(${String(key)})`, seen, depth + 1);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
  if (value instanceof Set) {
    for (const each of value) {
      const fault = faultOf(each, `${path}.(member)`, seen, depth + 1);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
  if (value instanceof Date || value instanceof RegExp || value instanceof Error) return undefined;
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return undefined;
  // An object of another realm, or of a class: its own fields travel, the class does not.
  const tag = Object.prototype.toString.call(value);
  if (tag === "[object Object]") return fieldsFault(value, path, seen, depth);
  return { path, what: `${tag.slice(8, -1)} objects cannot travel` };
}

function fieldsFault(
  value: object,
  path: string,
  seen: Set<object>,
  depth: number,
): Fault | undefined {
  for (const key in value) {
    const fault = faultOf(
      (value as Record<string, unknown>)[key],
      `${path}.${key}`,
      seen,
      depth + 1,
    );
    if (fault !== undefined) return fault;
  }
  return undefined;
}
