import { HEADER_BYTES, WIRE_VERSION } from "../wire/index.ts";

/** The version and length of a header stand in its first bytes. */
export const LENGTH_KNOWN_BYTES = 4;

/**
 * Length that the packet at `at` says it has. Undefined when no packet starts there. Needs {@link LENGTH_KNOWN_BYTES}
 * bytes from `at` on.
 */
export function claimedLength(bytes: Uint8Array, at: number): number | undefined {
  if ((bytes[at] as number) >> 4 !== WIRE_VERSION) return undefined;
  const length = (bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8);
  return length < HEADER_BYTES ? undefined : length;
}

/** How many bytes at the start of `bytes` are whole packets. */
export function wholePacketsEnd(bytes: Uint8Array): number {
  let at = 0;
  while (bytes.byteLength - at >= HEADER_BYTES) {
    const length = claimedLength(bytes, at);
    if (length === undefined || length > bytes.byteLength - at) break;
    at += length;
  }
  return at;
}

/** The same memory as a plain Uint8Array: the `slice` of Node's Buffer is a view, and receivers rely on copies. */
export function plain(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
