/**
 * The fast path for reading the commonest values: one number below 64, true, false, null, or a `Uint8Array`.
 *
 * @module
 */

/** Whether {@link readPlain} reads these bytes. */
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
