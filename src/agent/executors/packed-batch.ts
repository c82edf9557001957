import type { Invocation } from "../executor.ts";
import { HANDLER_NAMES, type HandlerName } from "../model.ts";

/**
 * In addition to its texts and its argument: u8 handler, u8 whether it is a message, u32 bytes of the argument, u32
 * attempt, u16 bytes of each text.
 */
const HEAD_BYTES = 14;
/** Bytes that one UTF-16 unit becomes at most. */
const UNIT_BYTES = 3;

const handlerNumbers = new Map(HANDLER_NAMES.map((name, index) => [name, index]));

/**
 * Calls in a row as bytes, which belong to the caller: encoded by hand, since this runs for each message to an agent in
 * a process. Texts have up to 20 000 characters.
 */
export function packBatch(batch: readonly Invocation[]): Uint8Array {
  let most = 0;
  for (const { argument, message } of batch) {
    const units = message === undefined ? 0 : message.id.length + message.from.length;
    most += HEAD_BYTES + argument.byteLength + UNIT_BYTES * units;
  }
  const bytes = Buffer.allocUnsafeSlow(most);
  let at = 0;
  for (const { handler, argument, message } of batch) {
    const head = at;
    // All of it is written: it leaves this process.
    bytes.fill(0, head, head + HEAD_BYTES);
    bytes[head] = handlerNumbers.get(handler) as number;
    bytes[head + 1] = message === undefined ? 0 : 1;
    bytes.writeUInt32BE(argument.byteLength, head + 2);
    at += HEAD_BYTES;
    if (message !== undefined) {
      const id = bytes.write(message.id, at);
      const from = bytes.write(message.from, at + id);
      bytes.writeUInt32BE(message.attempt, head + 6);
      bytes.writeUInt16BE(id, head + 10);
      bytes.writeUInt16BE(from, head + 12);
      at += id + from;
    }
    bytes.set(argument, at);
    at += argument.byteLength;
  }
  return new Uint8Array(bytes.buffer, 0, at);
}

/** Decodes what {@link packBatch} encoded. Arguments are views of the bytes. */
export function unpackBatch(packed: Uint8Array): Invocation[] {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  const batch: Invocation[] = [];
  for (let at = 0; at < bytes.byteLength; ) {
    const head = at;
    const handler = HANDLER_NAMES[bytes[head] as number] as HandlerName;
    at += HEAD_BYTES;
    let message: Invocation["message"];
    if (bytes[head + 1] === 1) {
      const fromAt = at + bytes.readUInt16BE(head + 10);
      const end = fromAt + bytes.readUInt16BE(head + 12);
      message = {
        id: bytes.toString("utf8", at, fromAt),
        from: bytes.toString("utf8", fromAt, end),
        attempt: bytes.readUInt32BE(head + 6),
      };
      at = end;
    }
    const argumentEnd = at + bytes.readUInt32BE(head + 2);
    batch.push({ handler, argument: packed.subarray(at, argumentEnd), message });
    at = argumentEnd;
  }
  return batch;
}
