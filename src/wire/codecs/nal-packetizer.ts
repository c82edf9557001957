import { assert, LIMITS } from "../../base/index.ts";
import { writeU16 } from "../bytes/big-endian.ts";
import type { Packetizer } from "./media-format.ts";
import { type NalFormat, splitAnnexB } from "./nal-format.ts";

/**
 * H.264 or H.265 access units in Annex B form to RTP payloads (RFC 6184 §6.3, RFC 7798 §4.4): NAL units that fit
 * together go in one aggregate, one alone as it is, one that does not fit in fragments of nearly equal size.
 */
export class NalPacketizer implements Packetizer {
  readonly marksEnd = true;
  readonly #format: NalFormat;
  readonly #payloadBytesMax: number;

  constructor(format: NalFormat, options: { readonly maxPayloadBytes: number }) {
    this.#format = format;
    this.#payloadBytesMax = options.maxPayloadBytes;
    assert(options.maxPayloadBytes > format.headBytes + 1, "a payload has room for a fragment");
    assert(options.maxPayloadBytes <= LIMITS.packetBytesMax, "a payload fits a packet");
  }

  packetize(frame: { readonly bytes: Uint8Array }): Uint8Array[] {
    const { headBytes } = this.#format;
    const payloads: Uint8Array[] = [];
    let group: Uint8Array[] = [];
    let groupBytes = headBytes;
    const endGroup = (): void => {
      if (group.length > 0) payloads.push(this.#aggregate(group));
      group = [];
      groupBytes = headBytes;
    };
    for (const nal of splitAnnexB(frame.bytes)) {
      // Shorter than a header: not a NAL unit.
      if (nal.byteLength < headBytes) continue;
      if (groupBytes + 2 + nal.byteLength > this.#payloadBytesMax) endGroup();
      if (nal.byteLength > this.#payloadBytesMax) {
        payloads.push(...this.#pieces(nal));
      } else {
        group.push(nal);
        groupBytes += 2 + nal.byteLength;
      }
    }
    endGroup();
    return payloads;
  }

  /** A single NAL unit stays as it is. */
  #aggregate(nals: readonly Uint8Array[]): Uint8Array {
    const [only] = nals;
    if (nals.length === 1 && only !== undefined) return only;
    const head = this.#format.aggregateHead(nals);
    const size = nals.reduce((sum, nal) => sum + 2 + nal.byteLength, head.byteLength);
    const payload = new Uint8Array(size);
    payload.set(head);
    let at = head.byteLength;
    for (const nal of nals) {
      writeU16(payload, at, nal.byteLength);
      payload.set(nal, at + 2);
      at += 2 + nal.byteLength;
    }
    return payload;
  }

  #pieces(nal: Uint8Array): Uint8Array[] {
    const { headBytes } = this.#format;
    const data = nal.subarray(headBytes);
    const pieceHeadBytes = headBytes + 1;
    const count = Math.ceil(data.byteLength / (this.#payloadBytesMax - pieceHeadBytes));
    const size = Math.ceil(data.byteLength / count);
    const payloads: Uint8Array[] = [];
    for (let at = 0; at < data.byteLength; at += size) {
      const piece = data.subarray(at, at + size);
      const place = { start: at === 0, end: at + size >= data.byteLength };
      const payload = new Uint8Array(pieceHeadBytes + piece.byteLength);
      payload.set(this.#format.pieceHead(nal, place));
      payload.set(piece, pieceHeadBytes);
      payloads.push(payload);
    }
    return payloads;
  }
}
