/** The payload of AV1 over RTP (RTP Payload Format For AV1, v1.0.0, §4): an aggregation header and OBU elements. */
import { encodeLeb128, readLeb128 } from "./av1-obu.ts";

const BIT = { z: 0x80, y: 0x40, n: 0x08 } as const;
const COUNT_SHIFT = 4;
/** W: up to so many elements are counted, and then the last has no length. */
const COUNTED_MAX = 3;

/** A payload, taken apart. */
export interface Av1Payload {
  /** Z: the first element continues the last one of the previous payload. */
  readonly continues: boolean;
  /** Y: the last element continues in the next payload. */
  readonly goesOn: boolean;
  /** N: a coded video sequence starts here. */
  readonly newSequence: boolean;
  /** OBUs or fragments of one, as views; at least one, none of them empty. */
  readonly elements: readonly Uint8Array[];
}

/** Undefined when it is malformed. */
export function decodeAv1Payload(payload: Uint8Array): Av1Payload | undefined {
  const head = payload[0];
  if (head === undefined) return undefined;
  const count = (head >> COUNT_SHIFT) & COUNTED_MAX;
  const elements: Uint8Array[] = [];
  for (let at = 1; at < payload.byteLength; ) {
    const isLast = count > 0 && elements.length === count - 1;
    const told = isLast ? { value: payload.byteLength - at, end: at } : readLeb128(payload, at);
    if (told === undefined || told.end + told.value > payload.byteLength) return undefined;
    // §4.3: an element of length zero is not to be, and says nothing.
    if (told.value > 0) elements.push(payload.subarray(told.end, told.end + told.value));
    at = told.end + told.value;
  }
  if (elements.length === 0 || (count > 0 && elements.length !== count)) return undefined;
  return {
    continues: (head & BIT.z) !== 0,
    goesOn: (head & BIT.y) !== 0,
    newSequence: (head & BIT.n) !== 0,
    elements,
  };
}

/** Bytes that `elements` of these lengths make as a payload. */
function sizeOf(lengths: readonly number[]): number {
  const counted = lengths.length <= COUNTED_MAX;
  return lengths.reduce((sum, length, index) => {
    const isBare = counted && index === lengths.length - 1;
    return sum + length + (isBare ? 0 : leb128Bytes(length));
  }, 1);
}

function leb128Bytes(value: number): number {
  return encodeLeb128(value).byteLength;
}

/** Fills payloads with OBUs (without size fields), as many as fit, and cuts those that do not. */
export class Av1PayloadWriter {
  readonly #payloadBytesMax: number;
  readonly #payloads: Uint8Array[] = [];
  #elements: Uint8Array[] = [];
  #layer: number | undefined;
  #continues = false;
  #isFirst: boolean;

  constructor(options: { readonly payloadBytesMax: number; readonly newSequence: boolean }) {
    this.#payloadBytesMax = options.payloadBytesMax;
    this.#isFirst = options.newSequence;
  }

  /** @param layer of the OBU's extension: OBUs of two layers never share a payload (§5) */
  add(obu: Uint8Array, layer: number | undefined): void {
    if (layer !== undefined && this.#layer !== undefined && layer !== this.#layer) this.#end(false);
    let left = obu;
    for (;;) {
      const lengths = this.#elements.map(({ byteLength }) => byteLength);
      const fits = (length: number): boolean =>
        sizeOf([...lengths, length]) <= this.#payloadBytesMax;
      if (fits(left.byteLength)) {
        this.#elements.push(left);
        this.#layer = layer ?? this.#layer;
        return;
      }
      const taken = Math.min(left.byteLength - 1, largest(fits, this.#payloadBytesMax));
      if (taken > 0) {
        this.#elements.push(left.subarray(0, taken));
        left = left.subarray(taken);
      }
      this.#end(taken > 0);
    }
  }

  finish(): Uint8Array[] {
    if (this.#elements.length > 0) this.#end(false);
    return this.#payloads;
  }

  #end(goesOn: boolean): void {
    const elements = this.#elements;
    const isCounted = elements.length <= COUNTED_MAX;
    const payload = new Uint8Array(sizeOf(elements.map(({ byteLength }) => byteLength)));
    payload[0] =
      (this.#continues ? BIT.z : 0) |
      (goesOn ? BIT.y : 0) |
      (isCounted ? elements.length << COUNT_SHIFT : 0) |
      (this.#isFirst ? BIT.n : 0);
    let at = 1;
    for (const [index, element] of elements.entries()) {
      if (!isCounted || index < elements.length - 1) {
        const length = encodeLeb128(element.byteLength);
        payload.set(length, at);
        at += length.byteLength;
      }
      payload.set(element, at);
      at += element.byteLength;
    }
    this.#payloads.push(payload);
    this.#elements = [];
    this.#layer = undefined;
    this.#continues = goesOn;
    this.#isFirst = false;
  }
}

/** The largest number up to `max` that fits; 0 when none does. What fits is all up to some number. */
function largest(fits: (length: number) => boolean, max: number): number {
  let [low, high] = [0, max];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
