/** A u32, the least significant byte first. */
export function readU32LittleEndian(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

/** Writes `value` modulo 2^32. */
export function writeU32LittleEndian(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Where a number's bytes are made: a view of its own for each number would cost more than the rest of the message. */
const number = new DataView(new ArrayBuffer(8));

/** An IEEE 754 double, the least significant byte first. */
export function readF64LittleEndian(bytes: Uint8Array, at: number): number {
  number.setUint32(0, readU32LittleEndian(bytes, at), true);
  number.setUint32(4, readU32LittleEndian(bytes, at + 4), true);
  return number.getFloat64(0, true);
}

export function writeF64LittleEndian(bytes: Uint8Array, at: number, value: number): void {
  number.setFloat64(0, value, true);
  writeU32LittleEndian(bytes, at, number.getUint32(0, true));
  writeU32LittleEndian(bytes, at + 4, number.getUint32(4, true));
}
