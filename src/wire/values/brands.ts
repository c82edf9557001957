/**
 * What an object is, by its internal slots: nothing that its author wrote decides, and nothing of it runs. The
 * intrinsics are those of the start, which no code of an agent has seen yet.
 *
 * @module
 */

const { apply } = Reflect;

type Getter = (this: unknown) => unknown;

function getterOf(prototype: object, key: PropertyKey): Getter {
  return Object.getOwnPropertyDescriptor(prototype, key)?.get as Getter;
}

/** The kinds of typed arrays, by their numbers in values as bytes. */
export const TYPED_ARRAYS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const nameOfView = getterOf(typedArray, Symbol.toStringTag);
const bufferOfView = getterOf(typedArray, "buffer");
const offsetOfView = getterOf(typedArray, "byteOffset");
const lengthOfView = getterOf(typedArray, "byteLength");
const bufferOfDataView = getterOf(DataView.prototype, "buffer");
const offsetOfDataView = getterOf(DataView.prototype, "byteOffset");
const lengthOfDataView = getterOf(DataView.prototype, "byteLength");
const lengthOfBuffer = getterOf(ArrayBuffer.prototype, "byteLength");
const sizeOfMap = getterOf(Map.prototype, "size");
const sizeOfSet = getterOf(Set.prototype, "size");
const { getTime } = Date.prototype;
const { forEach: forEachEntry } = Map.prototype;
const { forEach: forEachMember } = Set.prototype;
const sourceOfPattern = getterOf(RegExp.prototype, "source");
const FLAGS = [
  ["d", getterOf(RegExp.prototype, "hasIndices")],
  ["g", getterOf(RegExp.prototype, "global")],
  ["i", getterOf(RegExp.prototype, "ignoreCase")],
  ["m", getterOf(RegExp.prototype, "multiline")],
  ["s", getterOf(RegExp.prototype, "dotAll")],
  ["u", getterOf(RegExp.prototype, "unicode")],
  ["v", getterOf(RegExp.prototype, "unicodeSets")],
  ["y", getterOf(RegExp.prototype, "sticky")],
] as const satisfies readonly (readonly [string, Getter | undefined])[];

/** `Int8Array`, `Uint8Array`, …; undefined for all that is no typed array, whatever it says. */
export function typedArrayName(value: object): string | undefined {
  return apply(nameOfView, value, []) as string | undefined;
}

/** Bytes of a typed array, whatever it says. */
export function byteLengthOf(value: object): number {
  return apply(lengthOfView, value, []) as number;
}

/** The bytes that a typed array shows, as another view of them. None when its buffer is gone. */
export function bytesOfTypedArray(value: object): Uint8Array {
  return viewOf(
    apply(bufferOfView, value, []) as ArrayBuffer,
    apply(offsetOfView, value, []) as number,
    apply(lengthOfView, value, []) as number,
  );
}

/** The bytes of a `DataView`; undefined for all else. */
export function bytesOfDataView(value: object): Uint8Array | undefined {
  try {
    const buffer = apply(bufferOfDataView, value, []) as ArrayBuffer;
    const offset = apply(offsetOfDataView, value, []) as number;
    return viewOf(buffer, offset, apply(lengthOfDataView, value, []) as number);
  } catch {
    return undefined;
  }
}

/** The bytes of an `ArrayBuffer`; undefined for all else. */
export function bytesOfArrayBuffer(value: object): Uint8Array | undefined {
  let length: number;
  try {
    length = apply(lengthOfBuffer, value, []) as number;
  } catch {
    return undefined;
  }
  return viewOf(value as ArrayBuffer, 0, length);
}

/** The bytes of a buffer or of a view of one, as another view of them; undefined for all else. */
export function bytesIn(value: object): Uint8Array | undefined {
  if (typedArrayName(value) !== undefined) return bytesOfTypedArray(value);
  return bytesOfDataView(value) ?? bytesOfArrayBuffer(value);
}

/** Key, value, key, value, … of a `Map` as it is now; undefined for all else. */
export function entriesOfMap(value: object): unknown[] | undefined {
  try {
    apply(sizeOfMap, value, []);
  } catch {
    return undefined;
  }
  const entries: unknown[] = [];
  const add = (each: unknown, key: unknown): void => void entries.push(key, each);
  apply(forEachEntry, value, [add]);
  return entries;
}

/** The members of a `Set` as it is now; undefined for all else. */
export function membersOfSet(value: object): unknown[] | undefined {
  try {
    apply(sizeOfSet, value, []);
  } catch {
    return undefined;
  }
  const members: unknown[] = [];
  apply(forEachMember, value, [(each: unknown): void => void members.push(each)]);
  return members;
}

/** The time of a `Date`, ms, NaN for an invalid one; undefined for all else. */
export function timeOfDate(value: object): number | undefined {
  try {
    return apply(getTime, value, []) as number;
  } catch {
    return undefined;
  }
}

/** Source and flags of a regular expression; undefined for all else. */
export function partsOfPattern(value: object): [source: string, flags: string] | undefined {
  try {
    let flags = "";
    for (const [flag, getter] of FLAGS)
      if (getter !== undefined && apply(getter, value, []) === true) flags += flag;
    return [apply(sourceOfPattern, value, []) as string, flags];
  } catch {
    return undefined;
  }
}

function viewOf(buffer: ArrayBuffer, offset: number, length: number): Uint8Array {
  return length === 0 ? new Uint8Array(0) : new Uint8Array(buffer, offset, length);
}
