/** Bytes of every packet, with its RTP header. */
export const PACKET_BYTES = 1_200;

/** Packets of one frame. */
const FRAME_PACKETS = 10;
/** Frames from one key frame to the next. */
const GROUP_FRAMES = 30;
export const PAYLOAD_TYPE = 96;
const CLOCK_RATE = 90_000;

/** NAL unit types and the bits of fragments, RFC 6184 §5.8. */
const NAL = { slice: 1, idr: 5, fragment: 28, importance: 0x60 } as const;
const FRAGMENT = { start: 0x80, end: 0x40 } as const;

/** What {@link RtpStream} sends, as a site is told. */
export const STREAM_SDP = [
  "v=0",
  "o=- 0 0 IN IP4 127.0.0.1",
  "s=bench",
  "c=IN IP4 127.0.0.1",
  "t=0 0",
  `m=video 0 RTP/AVP ${PAYLOAD_TYPE}`,
  `a=rtpmap:${PAYLOAD_TYPE} H264/${CLOCK_RATE}`,
  `a=fmtp:${PAYLOAD_TYPE} packetization-mode=1`,
  "",
].join("\r\n");

/** RTP packets as a publisher of H.264 makes them: frames of ten fragments each, now and then a key frame. */
export class RtpStream {
  readonly #packet = Buffer.alloc(PACKET_BYTES, 0xa5);
  #count = 0;
  #timestamp = 0;

  /** @param ssrc u32 */
  constructor(ssrc: number) {
    this.#packet.writeUInt8(0x80, 0);
    this.#packet.writeUInt32BE(ssrc, 8);
  }

  /** The next packet, new bytes. @param packetsPerSecond the pace, which the timestamps follow */
  next(packetsPerSecond: number): Uint8Array {
    const packet = this.#packet;
    const index = this.#count % FRAME_PACKETS;
    const isLast = index === FRAME_PACKETS - 1;
    const isKey = Math.floor(this.#count / FRAME_PACKETS) % GROUP_FRAMES === 0;
    if (index === 0) this.#timestamp += Math.round((CLOCK_RATE * FRAME_PACKETS) / packetsPerSecond);
    packet.writeUInt8(PAYLOAD_TYPE | (isLast ? 0x80 : 0), 1);
    packet.writeUInt16BE(this.#count & 0xffff, 2);
    packet.writeUInt32BE(this.#timestamp >>> 0, 4);
    packet.writeUInt8(NAL.importance | NAL.fragment, 12);
    const place = index === 0 ? FRAGMENT.start : isLast ? FRAGMENT.end : 0;
    packet.writeUInt8(place | (isKey ? NAL.idr : NAL.slice), 13);
    this.#count++;
    return Uint8Array.from(packet);
  }
}
