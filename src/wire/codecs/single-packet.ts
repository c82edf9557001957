/** Formats whose frames are packets, complete in themselves: Opus (RFC 7587) and G.711 (RFC 3551 §4.5.14). */

import type { RtpPacket } from "../rtp/rtp.ts";
import {
  type Depacketizer,
  type Frame,
  NO_FACTS,
  type Packetizer,
  type PayloadFacts,
} from "./media-format.ts";

/**
 * The same for every payload: a frame starts and ends with it. Audio has no key frames, since it could start anywhere.
 */
export const SINGLE_PACKET_FACTS: PayloadFacts = Object.freeze({
  ...NO_FACTS,
  begin: true,
  first: true,
});

export class SinglePacketPacketizer implements Packetizer {
  /** RFC 3551 §4.1: with sound, the marker is the beginning of a talk spurt. */
  readonly marksEnd = false;

  /** The frame itself, as a view. It cannot be fragmented, so a large one stays large. */
  packetize(frame: { readonly bytes: Uint8Array }): Uint8Array[] {
    return frame.bytes.byteLength === 0 ? [] : [frame.bytes];
  }
}

export class SinglePacketDepacketizer implements Depacketizer {
  #dropped = 0;

  get dropped(): number {
    return this.#dropped;
  }

  push(packet: RtpPacket): Frame | undefined {
    // RFC 6716 §3.1 [R1]: an Opus packet has at least one byte; and no samples are no sound.
    if (packet.payload.byteLength === 0) {
      this.#dropped++;
      return undefined;
    }
    return { bytes: packet.payload.slice(), timestamp: packet.timestamp, key: true };
  }

  more(): undefined {
    return undefined;
  }

  /** A packet is a frame. */
  readonly waiting = "no";

  finish(): undefined {
    return undefined;
  }

  lost(): void {
    // No frame spans two packets, so none is cut.
  }
}
