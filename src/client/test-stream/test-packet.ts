import { decodeRtp, encodeRtp, formatSdp } from "../../wire/index.ts";

/** Encoding name of test streams: no site reads it, so each packet passes as it is. */
const TEST_CODEC = "x-meander-test";
const PAYLOAD_TYPE = 96;
/** Ticks of RTP time per second. */
const CLOCK_RATE = 90_000;
/** The first bytes of every payload: `MTST`. */
const MAGIC = 0x4d54_5354;
const RTP_HEADER_BYTES = 12;
const PAYLOAD_BYTES = 24;

/** Bytes of the smallest test packet: its RTP header, and what {@link TestMark} says. */
export const TEST_PACKET_BYTES_MIN = RTP_HEADER_BYTES + PAYLOAD_BYTES;

/** What a test packet says of itself. */
export interface TestMark {
  /** u32, drawn by each sender when it starts: another one is another stream. */
  readonly run: number;
  /** 0, 1, 2, … in the order of sending. */
  readonly number: number;
  /** When it was sent, ms since 1970 by the sender's clock, with fractions. */
  readonly sentWallMs: number;
}

/** Describes a test stream to the site that it is published at. */
export function testSdp(title: string): string {
  const track = {
    ...({ kind: "application", codec: TEST_CODEC, payloadType: PAYLOAD_TYPE } as const),
    ...{ clockRate: CLOCK_RATE, port: 0, rtcpPort: 0, rtcpMux: false },
  };
  return formatSdp({ title, host: "127.0.0.1", tracks: [track] });
}

/**
 * A test packet: RTP with the marker, so that none waits for the next one.
 *
 * Behind the RTP header are, big endian: `MTST`, the run (u32), the number (u64), the time of sending (f64). The rest
 * is filled with 0xa5.
 *
 * @param byteLength with the RTP header, at least {@link TEST_PACKET_BYTES_MIN}
 * @param sentMs the time of sending by a monotonic clock, which the RTP timestamp follows
 */
export function encodeTestPacket(mark: TestMark, byteLength: number, sentMs: number): Uint8Array {
  const payload = new Uint8Array(byteLength - RTP_HEADER_BYTES).fill(0xa5);
  const view = new DataView(payload.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, mark.run);
  view.setBigUint64(8, BigInt(mark.number));
  view.setFloat64(16, mark.sentWallMs);
  return encodeRtp({
    marker: true,
    payloadType: PAYLOAD_TYPE,
    sequence: mark.number & 0xffff,
    timestamp: Math.round((sentMs * CLOCK_RATE) / 1000) % 2 ** 32,
    ssrc: mark.run,
    csrcs: [],
    extensions: [],
    payload,
  });
}

/** Reads an RTP packet; undefined when it is of no test stream. Never throws. */
export function decodeTestPacket(packet: Uint8Array): TestMark | undefined {
  const rtp = decodeRtp(packet);
  if (typeof rtp === "string" || rtp.payload.byteLength < PAYLOAD_BYTES) return undefined;
  const view = new DataView(rtp.payload.buffer, rtp.payload.byteOffset);
  if (view.getUint32(0) !== MAGIC) return undefined;
  const number = Number(view.getBigUint64(8));
  const sentWallMs = view.getFloat64(16);
  if (!Number.isSafeInteger(number) || !Number.isFinite(sentWallMs)) return undefined;
  return { run: view.getUint32(4), number, sentWallMs };
}
