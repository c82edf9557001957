/**
 * The fast path for the common values: null, undefined, booleans, numbers, strings, bytes, arrays and plain objects,
 * each object once.
 *
 * Writes and reads exactly the bytes of the slow path (`value.ts`), several times faster, above all in a thread that is
 * locked down. Everything else is left to the slow path.
 */

/** Nesting that is left to the long way. */
const DEPTH_MAX = 100;
/** Records are numbered from here; more kinds of objects than fit are left to the long way. */
const RECORD_FIRST = 0x40;
const RECORDS_MAX = 32;
/** Objects up to here are looked for one by one, those beyond in a set. */
const SEEN_MAX = 16;
/** Strings up to here are written character by character. */
const SHORT_STRING = 48;
/** A target that has grown beyond this is not kept, bytes. */
const KEPT_BYTES = 1024 * 1024;
/**
 * Results up to here share slabs: an allocation for each would cost more than the rest, and a retained one keeps a slab
 * at most.
 */
const SHARED_BYTES = 512;
const SLAB_BYTES = 8 * 1024;

const utf8 = new TextEncoder();
const lengthOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  "byteLength",
)?.get as (this: Uint8Array) => number;

/** What is written, into a target that is used again and again. */
let target = new Uint8Array(8 * 1024);
let view = new DataView(target.buffer);
let at = 0;
/** Reading a value may run code of its author, which may write another value: that one takes the slow path. */
let isWriting = false;
/** The objects of the value so far; from {@link SEEN_MAX} on in the set. */
const seen: (object | undefined)[] = new Array(SEEN_MAX).fill(undefined);
let seenCount = 0;
let seenSet: Set<object> | undefined;
/** Keys of the records so far. */
const records: (readonly string[] | undefined)[] = new Array(RECORDS_MAX).fill(undefined);
let recordCount = 0;

let slab = new Uint8Array(SLAB_BYTES);
let slabAt = 0;

/**
 * The value as bytes, which belong to the caller; undefined when it needs the slow path. Throws what reading the value
 * throws.
 */
export function writePlain(value: unknown): Uint8Array | undefined {
  if (isWriting) return undefined;
  isWriting = true;
  at = 0;
  try {
    return write(value, 0) ? written() : undefined;
  } finally {
    isWriting = false;
    for (let index = 0; index < seenCount && index < SEEN_MAX; index++) seen[index] = undefined;
    for (let index = 0; index < recordCount; index++) records[index] = undefined;
    seenCount = 0;
    recordCount = 0;
    seenSet = undefined;
    if (target.byteLength > KEPT_BYTES) {
      target = new Uint8Array(8 * 1024);
      view = new DataView(target.buffer);
    }
  }
}

function written(): Uint8Array {
  if (at > SHARED_BYTES) return target.slice(0, at);
  if (slabAt + at > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    slabAt = 0;
  }
  const bytes = slab.subarray(slabAt, slabAt + at);
  slabAt += at;
  bytes.set(target.subarray(0, at));
  return bytes;
}

/** False: the long way. */
function write(value: unknown, depth: number): boolean {
  if (at + 16 > target.byteLength) grow(16);
  switch (typeof value) {
    case "number":
      writeNumber(value);
      return true;
    case "string":
      writeString(value);
      return true;
    case "boolean":
      target[at++] = value ? 0xc3 : 0xc2;
      return true;
    case "undefined":
      target[at++] = 0xd4;
      target[at++] = 0;
      target[at++] = 0;
      return true;
    case "object":
      if (value !== null) return writeObject(value, depth);
      target[at++] = 0xc0;
      return true;
    default:
      return false;
  }
}

function writeObject(value: object, depth: number): boolean {
  if (depth > DEPTH_MAX) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return isNew(value) && writeRecord(value, depth);
  if (prototype === Array.prototype && Array.isArray(value))
    return isNew(value) && writeArray(value, depth);
  if (prototype === Uint8Array.prototype && ArrayBuffer.isView(value) && isNew(value)) {
    writeBytes(value as Uint8Array);
    return true;
  }
  return false;
}

/** False: it comes again, and who reads it must get one object for both. */
function isNew(value: object): boolean {
  if (seenCount < SEEN_MAX) {
    for (let index = 0; index < seenCount; index++) if (seen[index] === value) return false;
    seen[seenCount++] = value;
    return true;
  }
  if (seenSet === undefined) seenSet = new Set(seen as object[]);
  else if (seenSet.has(value)) return false;
  if (seenCount === SEEN_MAX && seenSet.has(value)) return false;
  seenSet.add(value);
  seenCount++;
  return true;
}

function writeRecord(value: object, depth: number): boolean {
  const keys = Object.keys(value);
  let record = recordCount - 1;
  while (record >= 0 && !isSame(records[record] as readonly string[], keys)) record--;
  if (record >= 0) target[at++] = RECORD_FIRST + record;
  else {
    if (recordCount === RECORDS_MAX) return false;
    target[at++] = 0xd4;
    target[at++] = 0x72;
    target[at++] = RECORD_FIRST + recordCount;
    records[recordCount++] = keys;
    writeCount(keys.length);
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string;
      // The slow path has a special rule for it.
      if (key === "__proto__") return false;
      if (at + 16 > target.byteLength) grow(16);
      writeString(key);
    }
  }
  for (let index = 0; index < keys.length; index++) {
    if (!write((value as Record<string, unknown>)[keys[index] as string], depth + 1)) return false;
  }
  return true;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

function writeArray(value: readonly unknown[], depth: number): boolean {
  const { length } = value;
  writeCount(length);
  for (let index = 0; index < length; index++) if (!write(value[index], depth + 1)) return false;
  return true;
}

/** Of an array. */
function writeCount(count: number): void {
  if (count < 0x10) target[at++] = 0x90 | count;
  else if (count < 0x1_0000) {
    target[at++] = 0xdc;
    view.setUint16(at, count);
    at += 2;
  } else {
    target[at++] = 0xdd;
    view.setUint32(at, count);
    at += 4;
  }
}

function writeNumber(value: number): void {
  if (value >>> 0 === value) {
    if (value < 0x40) target[at++] = value;
    else if (value < 0x100) {
      target[at++] = 0xcc;
      target[at++] = value;
    } else if (value < 0x1_0000) {
      target[at++] = 0xcd;
      view.setUint16(at, value);
      at += 2;
    } else {
      target[at++] = 0xce;
      view.setUint32(at, value);
      at += 4;
    }
  } else if (value >> 0 === value) {
    if (value >= -0x20) target[at++] = 0x100 + value;
    else if (value >= -0x80) {
      target[at++] = 0xd0;
      target[at++] = value + 0x100;
    } else if (value >= -0x8000) {
      target[at++] = 0xd1;
      view.setInt16(at, value);
      at += 2;
    } else {
      target[at++] = 0xd2;
      view.setInt32(at, value);
      at += 4;
    }
  } else {
    target[at++] = 0xcb;
    view.setFloat64(at, value);
    at += 8;
  }
}

function writeString(value: string): void {
  const { length } = value;
  if (at + 5 + 3 * length > target.byteLength) grow(5 + 3 * length);
  if (length <= SHORT_STRING && writeShort(value, length)) return;
  // Its head is as long as its bytes need, which are not known yet.
  const bytes = utf8.encodeInto(value, target.subarray(at + 5)).written;
  const head = bytes < 0x20 ? 1 : bytes < 0x100 ? 2 : bytes < 0x1_0000 ? 3 : 5;
  if (head < 5) target.copyWithin(at + head, at + 5, at + 5 + bytes);
  writeStringHead(bytes);
  at += bytes;
}

/** False: not all of it is ASCII. */
function writeShort(value: string, length: number): boolean {
  const start = at;
  writeStringHead(length);
  for (let index = 0; index < length; index++) {
    const unit = value.charCodeAt(index);
    if (unit >= 0x80) {
      at = start;
      return false;
    }
    target[at++] = unit;
  }
  return true;
}

function writeStringHead(bytes: number): void {
  if (bytes < 0x20) target[at++] = 0xa0 | bytes;
  else if (bytes < 0x100) {
    target[at++] = 0xd9;
    target[at++] = bytes;
  } else if (bytes < 0x1_0000) {
    target[at++] = 0xda;
    view.setUint16(at, bytes);
    at += 2;
  } else {
    target[at++] = 0xdb;
    view.setUint32(at, bytes);
    at += 4;
  }
}

function writeBytes(value: Uint8Array): void {
  // Not the property: it may be an own one that says something else.
  const length = lengthOf.call(value);
  if (at + 7 + length > target.byteLength) grow(7 + length);
  if (length + 1 < 0x100) {
    target[at++] = 0xc7;
    target[at++] = length + 1;
  } else if (length + 1 < 0x1_0000) {
    target[at++] = 0xc8;
    view.setUint16(at, length + 1);
    at += 2;
  } else {
    target[at++] = 0xc9;
    view.setUint32(at, length + 1);
    at += 4;
  }
  target[at++] = 0x74;
  target[at++] = 1;
  target.set(value, at);
  at += length;
}

/** Makes room for so many more bytes. */
function grow(bytes: number): void {
  const larger = new Uint8Array(Math.max(2 * target.byteLength, at + bytes + 16));
  larger.set(target.subarray(0, at));
  target = larger;
  view = new DataView(larger.buffer);
}

/**
 * Whether {@link readPlain} reads these bytes: those of one number below 64, true, false, null, undefined, or
 * `Uint8Array`.
 */
export function isPlain(bytes: Uint8Array): boolean {
  const length = bytes.byteLength;
  switch (bytes[0]) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return length === 1;
    case 0xc7:
      return length > 3 && length === 3 + (bytes[1] as number) && isBytes(bytes, 2);
    case 0xc8:
      return (
        length > 4 &&
        length === 4 + (((bytes[1] as number) << 8) | (bytes[2] as number)) &&
        isBytes(bytes, 3)
      );
    default:
      return length === 1 && (bytes[0] as number) < 0x40;
  }
}

function isBytes(bytes: Uint8Array, type: number): boolean {
  return bytes[type] === 0x74 && bytes[type + 1] === 1;
}

/** The value of bytes that are plain; shares no memory with them. */
export function readPlain(bytes: Uint8Array): unknown {
  switch (bytes[0]) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc7:
      return new Uint8Array(bytes.subarray(4));
    case 0xc8:
      return new Uint8Array(bytes.subarray(5));
    default:
      return bytes[0];
  }
}
