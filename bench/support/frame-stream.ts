import { PAYLOAD_TYPE } from "./rtp-stream.ts";

/** Frames from one key frame to the next. */
const GROUP_FRAMES = 30;
const CLOCK_RATE = 90_000;
const RTP_BYTES = 12;
/** At the end of each packet: when it was sent. */
const STAMP_BYTES = 8;

/** NAL unit types and the bits of fragments, RFC 6184 §5.8. */
const NAL = { slice: 1, idr: 5, fragment: 28, importance: 0x60 } as const;
const FRAGMENT = { start: 0x80, end: 0x40 } as const;

/** What {@link FrameStream} makes. */
export interface FrameShape {
  /** Bytes of all RTP packets of one frame, with their headers. */
  readonly frameBytes: number;
  /** Of one RTP packet, at most. */
  readonly packetBytes: number;
  readonly framesPerSecond: number;
}

/** Packets of one frame of that shape. */
export function packetsPerFrame({ frameBytes, packetBytes }: FrameShape): number {
  return Math.ceil(frameBytes / packetBytes);
}

/**
 * RTP packets of H.264 frames of one size. Each tells at its end when it was made, in nanoseconds of the monotonic
 * clock.
 */
export class FrameStream {
  readonly #ssrc: number;
  readonly #shape: FrameShape;
  #frames = 0;
  #packets = 0;

  /** @param ssrc u32 */
  constructor(ssrc: number, shape: FrameShape) {
    this.#ssrc = ssrc;
    this.#shape = shape;
  }

  /** The packets of the next frame. */
  next(): Buffer[] {
    const { frameBytes, framesPerSecond, packetBytes } = this.#shape;
    const timestamp = Math.round((this.#frames * CLOCK_RATE) / framesPerSecond);
    const type = this.#frames % GROUP_FRAMES === 0 ? NAL.idr : NAL.slice;
    const count = packetsPerFrame(this.#shape);
    this.#frames++;
    return Array.from({ length: count }, (_, index) => {
      const isLast = index === count - 1;
      const packet = Buffer.alloc(Math.min(packetBytes, frameBytes - index * packetBytes), 0xa5);
      packet.writeUInt8(0x80, 0);
      packet.writeUInt8(PAYLOAD_TYPE | (isLast ? 0x80 : 0), 1);
      packet.writeUInt16BE(this.#packets++ & 0xffff, 2);
      packet.writeUInt32BE(timestamp >>> 0, 4);
      packet.writeUInt32BE(this.#ssrc, 8);
      if (count === 1) packet.writeUInt8(NAL.importance | type, RTP_BYTES);
      else {
        const place = (index === 0 ? FRAGMENT.start : 0) | (isLast ? FRAGMENT.end : 0);
        packet.writeUInt8(NAL.importance | NAL.fragment, RTP_BYTES);
        packet.writeUInt8(place | type, RTP_BYTES + 1);
      }
      packet.writeBigUInt64LE(process.hrtime.bigint(), packet.byteLength - STAMP_BYTES);
      return packet;
    });
  }
}
