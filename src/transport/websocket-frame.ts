/** Frames kept: the buffers of one burst to many, of a few channels taking turns. */
const FRAMES_KEPT = 8;

/** Bytes that {@link encodeBinaryFrame} puts before a payload of `length` bytes. */
export function frameHeaderBytes(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

/** A whole, unmasked binary message as a server sends it (RFC 6455 §5.2). Copies. */
export function encodeBinaryFrame(payload: Uint8Array): Uint8Array {
  const length = payload.byteLength;
  const headerBytes = frameHeaderBytes(length);
  const frame = new Uint8Array(headerBytes + length);
  const view = new DataView(frame.buffer);
  frame[0] = 0x82;
  if (headerBytes === 2) frame[1] = length;
  if (headerBytes === 4) {
    frame[1] = 126;
    view.setUint16(2, length);
  }
  if (headerBytes === 10) {
    frame[1] = 127;
    view.setBigUint64(2, BigInt(length));
  }
  frame.set(payload, headerBytes);
  return frame;
}

/** Makes the frame of a buffer once, however many connections it goes to. Buffers are distinguished by identity. */
export class FrameCache {
  readonly #entries: { readonly payload: Uint8Array; readonly frame: Uint8Array }[] = [];
  #next = 0;
  #made = 0;

  /** Frames made so far. */
  get madeCount(): number {
    return this.#made;
  }

  /** @param payload never changes again, as everything given to `send` */
  frameOf(payload: Uint8Array): Uint8Array {
    for (const entry of this.#entries) {
      if (entry.payload === payload) return entry.frame;
    }
    const frame = encodeBinaryFrame(payload);
    this.#entries[this.#next] = { payload, frame };
    this.#next = (this.#next + 1) % FRAMES_KEPT;
    this.#made++;
    return frame;
  }
}
