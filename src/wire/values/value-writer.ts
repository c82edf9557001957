/**
 * Values to bytes, in one pass: everything of a value is read once, in the order in which it is written, and objects
 * with internal slots are read by the intrinsics (`brands.ts`). What a getter or a proxy answers is written as it was
 * answered, and is never asked for again.
 *
 * @module
 */

import {
  byteLengthOf,
  bytesOfArrayBuffer,
  bytesOfDataView,
  bytesOfTypedArray,
  entriesOfMap,
  membersOfSet,
  partsOfPattern,
  TYPED_ARRAYS,
  timeOfDate,
  typedArrayName,
} from "./brands.ts";
import {
  begin,
  makeRoom,
  position,
  put,
  putU32,
  release,
  resume,
  suspend,
  writeCount,
  writeExtension,
  writeNumber,
  writeString,
  written,
  writtenBetween,
} from "./byte-target.ts";
import { writeBigint, writeTime } from "./scalar-values.ts";

/** Values deeper than this are refused: what any reader takes without running out of stack. */
const DEPTH_MAX = 200;
/** Records are numbered from here, and the numbers used again when a value has more kinds of objects. */
const RECORD_FIRST = 0x40;
const RECORDS_MAX = 32;
/** Objects up to here are looked for one by one, those beyond in a map. */
const SEEN_MAX = 16;
/** Bytes of the mark before an object that comes again. */
const MARK_BYTES = 6;
/** The extensions of typed arrays have these numbers; 16 is an `ArrayBuffer`, 17 a `DataView`. */
const NUMBERS: ReadonlyMap<string, number> = new Map(
  TYPED_ARRAYS.map(({ name }, number) => [name, number]),
);
const BYTES = 1;
const ARRAY_BUFFER = 16;
const DATA_VIEW = 17;
const EXTENSION = { bytes: 0x74, set: 0x73, error: 0x65, pattern: 0x78 } as const;
const RECORD = 0x72;
const MARK = 0x69;
const POINTER = 0x70;

/** Why a value cannot travel. */
export interface ValueFault {
  /** `.list[3]`; undefined: it is not about a part. */
  readonly path: string | undefined;
  readonly what: string;
}

/** What is known of the value that is being written. Used again, so that small values allocate nothing here. */
class Progress {
  /** The objects so far, in the order of their first bytes, which begin at {@link starts}. */
  readonly seen: (object | undefined)[] = new Array(SEEN_MAX).fill(undefined);
  readonly starts: number[] = new Array(SEEN_MAX).fill(0);
  seenCount = 0;
  /** From {@link SEEN_MAX} on, their indices. */
  indices: Map<object | undefined, number> | undefined;
  /** Those that came again: their indices, and their numbers from 1. */
  repeated: Map<number, number> | undefined;
  /** Keys of the records, by number; from {@link RECORDS_MAX} on a new one replaces the oldest. */
  readonly records: (readonly string[] | undefined)[] = new Array(RECORDS_MAX).fill(undefined);
  recordCount = 0;

  clear(): void {
    for (let index = 0; index < this.seenCount && index < SEEN_MAX; index++)
      this.seen[index] = undefined;
    for (let index = 0; index < this.recordCount && index < RECORDS_MAX; index++)
      this.records[index] = undefined;
    if (this.seenCount > SEEN_MAX) {
      this.seen.length = SEEN_MAX;
      this.starts.length = SEEN_MAX;
    }
    this.seenCount = 0;
    this.recordCount = 0;
    this.indices = undefined;
    this.repeated = undefined;
  }
}

const usual = new Progress();
let progress = usual;
let isWriting = false;

/** The value as bytes, which belong to the caller, or why not. Throws what reading the value throws. */
export function writeValue(value: unknown): Uint8Array | ValueFault {
  // Reading a value may run code of its author, which may write another one.
  if (isWriting) return writeMeanwhile(value);
  isWriting = true;
  begin();
  try {
    return write(value, 0) ?? finished();
  } finally {
    isWriting = false;
    usual.clear();
    release();
  }
}

function writeMeanwhile(value: unknown): Uint8Array | ValueFault {
  const outer = progress;
  const suspended = suspend();
  progress = new Progress();
  try {
    return write(value, 0) ?? finished();
  } finally {
    progress = outer;
    resume(suspended);
  }
}

function write(value: unknown, depth: number): ValueFault | undefined {
  makeRoom(16);
  switch (typeof value) {
    case "number":
      writeNumber(value);
      return undefined;
    case "string":
      writeString(value);
      return undefined;
    case "boolean":
      put(value ? 0xc3 : 0xc2);
      return undefined;
    case "undefined":
      put(0xd4);
      put(0);
      put(0);
      return undefined;
    case "object":
      if (value !== null) return writeObject(value, depth);
      put(0xc0);
      return undefined;
    case "bigint":
      writeBigint(value);
      return undefined;
    case "function":
      return { path: "", what: "a function cannot travel" };
    case "symbol":
      return { path: "", what: "a symbol cannot travel" };
  }
}

function writeObject(value: object, depth: number): ValueFault | undefined {
  if (depth > DEPTH_MAX) return { path: undefined, what: `it is nested deeper than ${DEPTH_MAX}` };
  if (isRepeated(value)) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return writeRecord(value, depth);
  if (Array.isArray(value)) return writeArray(value, depth);
  const name = typedArrayName(value);
  if (name !== undefined) return writeTypedArray(value, name);
  return prototype === null ? writeRecord(value, depth) : writeOther(value, depth);
}

/** Writes a pointer to an object that came before; else notes that it comes here. */
function isRepeated(value: object): boolean {
  const { seen, starts } = progress;
  const count = progress.seenCount;
  let index = -1;
  if (count <= SEEN_MAX) {
    for (let at = 0; at < count; at++) if (seen[at] === value) index = at;
  } else {
    progress.indices ??= new Map(seen.map((each, at) => [each, at]));
    index = progress.indices.get(value) ?? -1;
  }
  if (index < 0) {
    progress.indices?.set(value, count);
    seen[count] = value;
    starts[count] = position();
    progress.seenCount++;
    return false;
  }
  progress.repeated ??= new Map();
  const number = progress.repeated.get(index) ?? progress.repeated.size + 1;
  progress.repeated.set(index, number);
  put(0xd6);
  put(POINTER);
  putU32(number);
  return true;
}

function writeRecord(value: object, depth: number): ValueFault | undefined {
  const keys = Object.keys(value);
  const { records } = progress;
  let record = Math.min(progress.recordCount, RECORDS_MAX) - 1;
  while (record >= 0 && !isSame(records[record] as readonly string[], keys)) record--;
  if (record >= 0) put(RECORD_FIRST + record);
  else {
    record = progress.recordCount++ % RECORDS_MAX;
    records[record] = keys;
    put(0xd4);
    put(RECORD);
    put(RECORD_FIRST + record);
    writeCount(keys.length, 0x90, 0xdc);
    for (let index = 0; index < keys.length; index++) writeString(keys[index] as string);
  }
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as string;
    const fault = write((value as Record<string, unknown>)[key], depth + 1);
    if (fault !== undefined) return within(`.${key}`, fault);
  }
  return undefined;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

function writeArray(value: readonly unknown[], depth: number): ValueFault | undefined {
  // That of a proxy is anything.
  const length: unknown = value.length;
  if (typeof length !== "number" || length >>> 0 !== length)
    return { path: "", what: "an array without a length cannot travel" };
  writeCount(length, 0x90, 0xdc);
  for (let index = 0; index < length; index++) {
    const fault = write(value[index], depth + 1);
    if (fault !== undefined) return within(`[${index}]`, fault);
  }
  return undefined;
}

function writeTypedArray(value: object, name: string): ValueFault | undefined {
  const number = NUMBERS.get(name);
  if (number === undefined) return { path: "", what: `${name} objects cannot travel` };
  if (number === BYTES) {
    // Copied by its slots.
    writeExtension(EXTENSION.bytes, number, value as Uint8Array, byteLengthOf(value));
    return undefined;
  }
  writeExtension(EXTENSION.bytes, number, bytesOfTypedArray(value));
  return undefined;
}

/**
 * Objects of a class. Its prototypes only say what an object may be, since asking each intrinsic in turn is dear: what
 * has other slots than they say is an object with fields.
 */
function writeOther(value: object, depth: number): ValueFault | undefined {
  if (value instanceof Map) {
    const entries = entriesOfMap(value);
    if (entries !== undefined) return writeMap(entries, depth);
  } else if (value instanceof Set) {
    const members = membersOfSet(value);
    if (members !== undefined) return writeSet(members, depth);
  } else if (value instanceof Date) {
    const time = timeOfDate(value);
    if (time !== undefined) {
      writeTime(time);
      return undefined;
    }
  } else if (value instanceof RegExp) {
    const pattern = partsOfPattern(value);
    if (pattern !== undefined) {
      writeTag(EXTENSION.pattern);
      return writeArray(pattern, depth);
    }
  } else if (value instanceof Error) return writeError(value, depth);
  const view = ArrayBuffer.isView(value) ? bytesOfDataView(value) : undefined;
  if (view !== undefined) {
    writeExtension(EXTENSION.bytes, DATA_VIEW, view);
    return undefined;
  }
  const buffer = value instanceof ArrayBuffer ? bytesOfArrayBuffer(value) : undefined;
  if (buffer === undefined) return writeFields(value, depth);
  writeExtension(EXTENSION.bytes, ARRAY_BUFFER, buffer);
  return undefined;
}

function writeSet(members: readonly unknown[], depth: number): ValueFault | undefined {
  writeTag(EXTENSION.set);
  const fault = writeArray(members, depth);
  if (fault === undefined) return undefined;
  return { ...fault, path: fault.path?.replace(/^\[\d+\]/, ".(member)") };
}

function writeMap(entries: readonly unknown[], depth: number): ValueFault | undefined {
  writeCount(entries.length / 2, 0x80, 0xde);
  for (let index = 0; index < entries.length; index += 2) {
    const key = entries[index];
    const keyFault = write(key, depth + 1);
    if (keyFault !== undefined) return within(".(key)", keyFault);
    const fault = write(entries[index + 1], depth + 1);
    if (fault !== undefined) return within(`.get(${keyText(key)})`, fault);
  }
  return undefined;
}

/** Of a key that was written; an object's own text would run its code. */
function keyText(key: unknown): string {
  return typeof key === "object" && key !== null ? "an object" : String(key);
}

function writeError(error: Error, depth: number): ValueFault | undefined {
  writeTag(EXTENSION.error);
  const { name, message, cause } = error;
  put(0x93);
  writeString(String(name));
  writeString(String(message));
  makeRoom(16);
  const fault = write(cause, depth + 1);
  return fault === undefined ? undefined : within(".cause", fault);
}

/** An object of another realm, or of a class: its own fields travel, or what its `toJSON` gives; the class does not. */
function writeFields(value: object, depth: number): ValueFault | undefined {
  const tag = Object.prototype.toString.call(value).slice("[object ".length, -1);
  if (tag !== "Object") return { path: "", what: `${tag} objects cannot travel` };
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON !== "function") return writeRecord(value, depth);
  const json: unknown = Reflect.apply(toJSON, value, []);
  return json === value ? writeRecord(value, depth) : write(json, depth + 1);
}

function writeTag(extension: number): void {
  put(0xd4);
  put(extension);
  put(0);
}

function within(step: string, { path, what }: ValueFault): ValueFault {
  return { path: path === undefined ? undefined : step + path, what };
}

/** The bytes, with a mark before each object that came again: its number, for the pointers to it. */
function finished(): Uint8Array {
  const { repeated, starts } = progress;
  if (repeated === undefined) return written();
  const marks = Array.from(repeated, ([index, number]) => ({
    at: starts[index] as number,
    number,
  }));
  marks.sort((one, other) => one.at - other.at);
  const bytes = new Uint8Array(position() + MARK_BYTES * marks.length);
  const view = new DataView(bytes.buffer);
  let from = 0;
  let to = 0;
  for (const { at, number } of marks) {
    bytes.set(writtenBetween(from, at), to);
    to += at - from;
    from = at;
    bytes[to] = 0xd6;
    bytes[to + 1] = MARK;
    view.setUint32(to + 2, number);
    to += MARK_BYTES;
  }
  bytes.set(writtenBetween(from, position()), to);
  return bytes;
}
