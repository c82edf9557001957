import { assert, LIMITS } from "../base/index.ts";
import { writeU16 } from "./big-endian.ts";
import { FORBIDDEN_BIT, NAL, REFERENCE_BITS, splitAnnexB, TYPE_BITS } from "./h264.ts";
import type { Packetizer } from "./media-format.ts";

const FRAGMENT_HEAD_BYTES = 2;

/**
 * H.264 access units in Annex B form to RTP payloads of `packetization-mode=1` (RFC 6184 §6.3): NAL units that fit
 * together go in one STAP-A, one alone as it is, one that does not fit in FU-A pieces of nearly equal size.
 */
export class H264Packetizer implements Packetizer {
  readonly #payloadBytesMax: number;

  constructor(options: { maxPayloadBytes: number }) {
    this.#payloadBytesMax = options.maxPayloadBytes;
    assert(options.maxPayloadBytes > FRAGMENT_HEAD_BYTES, "a payload has room for a fragment");
    assert(options.maxPayloadBytes <= LIMITS.packetBytesMax, "a payload fits a packet");
  }

  packetize(frame: { readonly bytes: Uint8Array }): Uint8Array[] {
    const payloads: Uint8Array[] = [];
    let group: Uint8Array[] = [];
    let groupBytes = 1;
    const endGroup = (): void => {
      if (group.length > 0) payloads.push(aggregate(group));
      group = [];
      groupBytes = 1;
    };
    for (const nal of splitAnnexB(frame.bytes)) {
      if (groupBytes + 2 + nal.byteLength > this.#payloadBytesMax) endGroup();
      if (nal.byteLength > this.#payloadBytesMax) {
        payloads.push(...fragment(nal, this.#payloadBytesMax));
      } else {
        group.push(nal);
        groupBytes += 2 + nal.byteLength;
      }
    }
    endGroup();
    return payloads;
  }
}

/** RFC 6184 §5.7.1; a single NAL unit stays as it is. */
function aggregate(nals: readonly Uint8Array[]): Uint8Array {
  const [only] = nals;
  if (nals.length === 1 && only !== undefined) return only;
  const payload = new Uint8Array(nals.reduce((sum, nal) => sum + 2 + nal.byteLength, 1));
  let forbidden = 0;
  let reference = 0;
  let at = 1;
  for (const nal of nals) {
    const head = nal[0] as number;
    forbidden |= head & FORBIDDEN_BIT;
    reference = Math.max(reference, head & REFERENCE_BITS);
    writeU16(payload, at, nal.byteLength);
    payload.set(nal, at + 2);
    at += 2 + nal.byteLength;
  }
  payload[0] = forbidden | reference | NAL.stapA;
  return payload;
}

/** RFC 6184 §5.8. */
function fragment(nal: Uint8Array, payloadBytesMax: number): Uint8Array[] {
  const head = nal[0] as number;
  const data = nal.subarray(1);
  const count = Math.ceil(data.byteLength / (payloadBytesMax - FRAGMENT_HEAD_BYTES));
  const size = Math.ceil(data.byteLength / count);
  const payloads: Uint8Array[] = [];
  for (let at = 0; at < data.byteLength; at += size) {
    const piece = data.subarray(at, at + size);
    const start = at === 0 ? 0x80 : 0;
    const end = at + size >= data.byteLength ? 0x40 : 0;
    const payload = new Uint8Array(FRAGMENT_HEAD_BYTES + piece.byteLength);
    payload[0] = (head & (FORBIDDEN_BIT | REFERENCE_BITS)) | NAL.fuA;
    payload[1] = start | end | (head & TYPE_BITS);
    payload.set(piece, FRAGMENT_HEAD_BYTES);
    payloads.push(payload);
  }
  return payloads;
}
