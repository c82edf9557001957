import { MeanderError } from "../../base/index.ts";
import { isPlain, readPlain } from "./plain-reader.ts";
import { readValue } from "./value-reader.ts";
import { writeValue } from "./value-writer.ts";

/** A path in an error, characters. */
const PATH_MAX = 200;

/**
 * A value as bytes, in MessagePack with the extensions of structured clone (docs/spec/streams.md); each encoding stands
 * alone: the form of messages, replies and briefcases.
 *
 * Accepts what structured clone accepts, except for what only one process can hold: null, undefined, booleans, numbers,
 * bigints, strings, dates, regular expressions, errors, arrays, plain objects, Map, Set, ArrayBuffer and its views,
 * shared and cyclic references. The bytes belong to the caller. Each part is read once; code of its author that runs
 * then, in getters and proxies, sees nothing of what is written.
 *
 * @throws {MeanderError} `value-uncloneable` for functions, symbols, promises, weak collections and the like; says
 *   where
 */
export function packValue(value: unknown): Uint8Array {
  const written = writeValue(value);
  if (written instanceof Uint8Array) return written;
  const { path = "", what } = written;
  throw new MeanderError("value-uncloneable", what, {
    where: path === "" ? "the value itself" : `value${path.slice(0, PATH_MAX)}`,
    expected: "plain data: objects, arrays, Map, Set, strings, numbers, dates, typed arrays",
  });
}

/**
 * The value that {@link packValue} made bytes of. Shares no memory with the bytes.
 *
 * @throws {MeanderError} `value-malformed` for any other bytes
 */
export function unpackValue(bytes: Uint8Array): unknown {
  if (isPlain(bytes)) return readPlain(bytes);
  try {
    return readValue(bytes);
  } catch (cause) {
    throw new MeanderError("value-malformed", "the bytes are not a value", {
      where: `${bytes.byteLength} bytes`,
      cause,
    });
  }
}
