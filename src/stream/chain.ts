import type { EndpointId } from "./model.ts";

/** A message that carries the streams which wait for it: a count (u8), their ids (f64 each), and the payload. */
export function encodeChain(chain: readonly EndpointId[], payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + 8 * chain.length + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, chain.length);
  chain.forEach((id, index) => {
    view.setFloat64(1 + 8 * index, id);
  });
  bytes.set(payload, 1 + 8 * chain.length);
  return bytes;
}

/** Malformed bytes are returned as the payload: no handler will understand them, and the message fails there. */
export function decodeChain(bytes: Uint8Array): { payload: Uint8Array; chain: EndpointId[] } {
  const count = bytes[0] ?? 0;
  if (bytes.byteLength < 1 + 8 * count) return { payload: bytes, chain: [] };
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const chain = Array.from({ length: count }, (_, index) => view.getFloat64(1 + 8 * index));
  return { payload: bytes.subarray(1 + 8 * count), chain };
}
