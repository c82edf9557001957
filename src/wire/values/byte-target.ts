/**
 * What values are written to: one buffer that is used again and again, with everything of MessagePack that is not a
 * container. Each byte up to the position has been written for the value at hand, so what leaves is never what an
 * earlier value left behind.
 *
 * @module
 */

/** Strings up to here are written character by character. */
const SHORT_STRING = 48;
const TARGET_BYTES = 8 * 1024;
/** A target that has grown beyond this is not kept, bytes. */
const KEPT_BYTES = 1024 * 1024;
/**
 * Results up to here share slabs: an allocation for each would cost more than the rest, and a retained one keeps a slab
 * at most.
 */
const SHARED_BYTES = 512;
const SLAB_BYTES = 8 * 1024;

const utf8 = new TextEncoder();

let target = new Uint8Array(TARGET_BYTES);
let view = new DataView(target.buffer);
let at = 0;

let slab = new Uint8Array(SLAB_BYTES);
let slabAt = 0;

/** A target in the middle of a value, set aside while another value is written. */
export interface Suspended {
  readonly target: Uint8Array<ArrayBuffer>;
  readonly at: number;
}

/** Bytes written so far. */
export function position(): number {
  return at;
}

/** Begins a value. */
export function begin(): void {
  at = 0;
}

/** Sets aside what is written so far; {@link resume} goes on with it. */
export function suspend(): Suspended {
  const suspended = { target, at };
  target = new Uint8Array(TARGET_BYTES);
  view = new DataView(target.buffer);
  at = 0;
  return suspended;
}

export function resume(suspended: Suspended): void {
  ({ target, at } = suspended);
  view = new DataView(target.buffer);
}

/** Lets go of a target that one large value has made large. */
export function release(): void {
  if (target.byteLength <= KEPT_BYTES) return;
  target = new Uint8Array(TARGET_BYTES);
  view = new DataView(target.buffer);
}

/** A copy of what is written, which belongs to the caller. */
export function written(): Uint8Array {
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

/** A copy of what is written between two positions. */
export function writtenBetween(start: number, end: number): Uint8Array {
  return target.subarray(start, end);
}

/** Makes room for so many more bytes, and then some: up to 16 more may be put without asking. */
export function makeRoom(bytes: number): void {
  if (at + bytes > target.byteLength) grow(bytes);
}

/** One byte, for which there is room. */
export function put(byte: number): void {
  target[at++] = byte;
}

export function putU32(value: number): void {
  view.setUint32(at, value);
  at += 4;
}

export function putI64(value: bigint): void {
  view.setBigInt64(at, value);
  at += 8;
}

export function putU64(value: bigint): void {
  view.setBigUint64(at, value);
  at += 8;
}

/** The head of an array (`short` 0x90, `long` 0xdc) or map (0x80, 0xde). */
export function writeCount(count: number, short: number, long: number): void {
  if (count < 0x10) target[at++] = short | count;
  else if (count < 0x1_0000) {
    target[at++] = long;
    view.setUint16(at, count);
    at += 2;
  } else {
    target[at++] = long + 1;
    view.setUint32(at, count);
    at += 4;
  }
}

export function writeNumber(value: number): void {
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

export function writeString(value: string): void {
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

/**
 * Bytes as an extension.
 *
 * @param before a byte of the extension before them; undefined: none
 * @param byteLength of the bytes; to be given when they may say something else themselves
 */
export function writeExtension(
  type: number,
  before: number | undefined,
  bytes: Uint8Array,
  byteLength: number = bytes.byteLength,
): void {
  const length = byteLength + (before === undefined ? 0 : 1);
  if (at + 7 + length > target.byteLength) grow(7 + length);
  if (length < 0x100) {
    target[at++] = 0xc7;
    target[at++] = length;
  } else if (length < 0x1_0000) {
    target[at++] = 0xc8;
    view.setUint16(at, length);
    at += 2;
  } else {
    target[at++] = 0xc9;
    view.setUint32(at, length);
    at += 4;
  }
  target[at++] = type;
  if (before !== undefined) target[at++] = before;
  target.set(bytes, at);
  at += byteLength;
}

function grow(bytes: number): void {
  const larger = new Uint8Array(Math.max(2 * target.byteLength, at + bytes + 16));
  larger.set(target.subarray(0, at));
  target = larger;
  view = new DataView(larger.buffer);
}
