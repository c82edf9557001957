/** Opus over RTP (RFC 7587): one Opus packet is one payload, complete in itself. */
import type { Depacketizer, Frame, Packetizer, PayloadFacts } from "./media-format.ts";
import type { RtpPacket } from "./rtp.ts";

const FACTS: PayloadFacts = Object.freeze({
  begin: true,
  keyframe: false,
  discardable: false,
  parameterSets: Object.freeze([]),
});

/** The same for every payload: a frame begins and ends with it. Audio sets no key frame, since it could start anywhere. */
export function inspectOpus(_payload: Uint8Array): PayloadFacts {
  return FACTS;
}

export class OpusPacketizer implements Packetizer {
  /** The packet itself, borrowed. RFC 7587 §4.2 has no way to cut one, so a large one stays large. */
  packetize(frame: { readonly bytes: Uint8Array }): Uint8Array[] {
    return frame.bytes.byteLength === 0 ? [] : [frame.bytes];
  }
}

export class OpusDepacketizer implements Depacketizer {
  #dropped = 0;

  get dropped(): number {
    return this.#dropped;
  }

  push(packet: RtpPacket): Frame | undefined {
    // RFC 6716 §3.1 [R1]: an Opus packet has at least one byte.
    if (packet.payload.byteLength === 0) {
      this.#dropped++;
      return undefined;
    }
    return { bytes: packet.payload.slice(), timestamp: packet.timestamp, key: true };
  }

  more(): undefined {
    return undefined;
  }

  lost(): void {
    // No frame spans two packets, so none is cut.
  }
}
