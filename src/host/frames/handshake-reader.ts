import {
  decodeHandshake,
  type HandshakeMessage,
  HEADER_BYTES,
  handshakeLength,
  MESSAGE_BYTES_MAX,
} from "./handshake-message.ts";

/** A message out of a byte stream, and what was read behind it. */
export interface Handshaken {
  readonly message: HandshakeMessage;
  readonly rest: Uint8Array;
}

/** Cuts handshake messages out of a byte stream. Holds at most one. */
export class HandshakeReader {
  #held = new Uint8Array(0);

  /**
   * Takes what was read.
   *
   * @returns a message once one is whole, undefined while it is not; `malformed` when none starts here
   */
  push(piece: Uint8Array): Handshaken | "malformed" | undefined {
    const bytes = this.#held.byteLength === 0 ? piece : concat(this.#held, piece);
    this.#held = new Uint8Array(0);
    if (bytes.byteLength >= HEADER_BYTES) {
      const length = handshakeLength(bytes);
      if (length === undefined || length > MESSAGE_BYTES_MAX) return "malformed";
      if (length <= bytes.byteLength) {
        const message = decodeHandshake(bytes.subarray(0, length));
        return message === undefined ? "malformed" : { message, rest: bytes.subarray(length) };
      }
    }
    this.#held = Uint8Array.from(bytes);
    return undefined;
  }
}

function concat(left: Uint8Array, right: Uint8Array): Uint8Array {
  const both = new Uint8Array(left.byteLength + right.byteLength);
  both.set(left);
  both.set(right, left.byteLength);
  return both;
}
