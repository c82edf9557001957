/** RTCP compound packets (RFC 3550 §6): sender and receiver reports, descriptions and goodbyes; others opaquely. */
import { assert } from "../../base/index.ts";
import { readU16, readU32, writeU16, writeU32 } from "../bytes/big-endian.ts";

/** What a receiver reports about one source (RFC 3550 §6.4.1). */
export interface ReportBlock {
  /** u32, the source that it is about. */
  readonly ssrc: number;
  /** u8, lost since the last report, in 1/256. */
  readonly fractionLost: number;
  /** Lost since the beginning, -2^23..2^23-1; negative with duplicates. */
  readonly packetsLost: number;
  /** u32: cycles in the high 16 bits, sequence in the low ones. */
  readonly highestSequence: number;
  /** u32, RTP ticks. */
  readonly jitter: number;
  /** u32, middle 32 bits of the NTP time of the last sender report; 0 for none. */
  readonly lastSenderReport: number;
  /** u32, since that report arrived, in 1/65536 s. */
  readonly delaySinceLastSenderReport: number;
}

export type RtcpPacket =
  | {
      readonly type: "sender-report";
      readonly ssrc: number;
      /** u32, seconds since 1900. */
      readonly ntpSeconds: number;
      /** u32, in 1/2^32 s. */
      readonly ntpFraction: number;
      /** u32, the same instant in RTP ticks. */
      readonly rtpTimestamp: number;
      /** u32, wraps. */
      readonly packetCount: number;
      /** u32, payload bytes, wraps. */
      readonly octetCount: number;
      readonly reports: readonly ReportBlock[];
    }
  | {
      readonly type: "receiver-report";
      readonly ssrc: number;
      readonly reports: readonly ReportBlock[];
    }
  /** The sources end. `reason` is empty when none was given; at most 255 bytes of UTF-8. */
  | { readonly type: "bye"; readonly ssrcs: readonly number[]; readonly reason: string }
  /** One chunk of an SDES packet, reduced to its CNAME (at most 255 bytes of UTF-8); empty when it has none. */
  | { readonly type: "source-description"; readonly ssrc: number; readonly cname: string }
  /** Any other packet: `bytes` are all of it, header included. */
  | { readonly type: "other"; readonly packetType: number; readonly bytes: Uint8Array };

/** Why bytes are not RTCP. `count`: a packet says that it has more parts than it holds. */
export type RtcpFault = "short" | "version" | "length" | "padding" | "count";

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
const BYE = 203;
const HEADER_BYTES = 4;
const BLOCK_BYTES = 24;
const SENDER_INFO_BYTES = 24;
const CNAME_ITEM = 1;

/** RFC 5761 §4: distinguishes RTCP from RTP on a port that carries both. */
export function isRtcp(bytes: Uint8Array): boolean {
  const type = bytes[1];
  return (
    bytes.byteLength >= HEADER_BYTES &&
    (bytes[0] as number) >> 6 === 2 &&
    type !== undefined &&
    type >= 192 &&
    type <= 223
  );
}

/** Reads a compound packet, whole or reduced (RFC 5506). Copies; never throws. A fault in one part refuses all. */
export function decodeRtcp(bytes: Uint8Array): RtcpPacket[] | RtcpFault {
  if (bytes.byteLength < HEADER_BYTES) return "short";
  const packets: RtcpPacket[] = [];
  for (let at = 0; at < bytes.byteLength; ) {
    if (at + HEADER_BYTES > bytes.byteLength) return "short";
    if ((bytes[at] as number) >> 6 !== 2) return "version";
    const end = at + (readU16(bytes, at + 2) + 1) * 4;
    if (end > bytes.byteLength) return "length";
    const fault = decodeOne(bytes.subarray(at, end), packets);
    if (fault !== undefined) return fault;
    at = end;
  }
  return packets;
}

/** A compound packet of all of them, in order. */
export function encodeRtcp(packets: readonly RtcpPacket[]): Uint8Array {
  const parts = packets.map(encodeOne);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

function decodeOne(packet: Uint8Array, into: RtcpPacket[]): RtcpFault | undefined {
  const count = (packet[0] as number) & 31;
  const packetType = packet[1] as number;
  const body = withoutPadding(packet);
  if (body === undefined) return "padding";
  switch (packetType) {
    case SENDER_REPORT: {
      const reports = readBlocks(body, HEADER_BYTES + SENDER_INFO_BYTES, count);
      if (reports === undefined) return "count";
      into.push({
        type: "sender-report",
        ssrc: readU32(body, 4),
        ntpSeconds: readU32(body, 8),
        ntpFraction: readU32(body, 12),
        rtpTimestamp: readU32(body, 16),
        packetCount: readU32(body, 20),
        octetCount: readU32(body, 24),
        reports,
      });
      return undefined;
    }
    case RECEIVER_REPORT: {
      const reports = readBlocks(body, HEADER_BYTES + 4, count);
      if (reports === undefined) return "count";
      into.push({ type: "receiver-report", ssrc: readU32(body, 4), reports });
      return undefined;
    }
    case SOURCE_DESCRIPTION:
      return readChunks(body, count, into);
    case BYE:
      return readBye(body, count, into);
    default:
      into.push({ type: "other", packetType, bytes: packet.slice() });
      return undefined;
  }
}

function withoutPadding(packet: Uint8Array): Uint8Array | undefined {
  if (((packet[0] as number) & 0x20) === 0) return packet;
  const padding = packet[packet.byteLength - 1] as number;
  if (padding === 0 || padding % 4 !== 0 || HEADER_BYTES + padding > packet.byteLength) {
    return undefined;
  }
  return packet.subarray(0, packet.byteLength - padding);
}

/** What stands behind the blocks is a profile's own and ignored. */
function readBlocks(body: Uint8Array, start: number, count: number): ReportBlock[] | undefined {
  if (start + count * BLOCK_BYTES > body.byteLength) return undefined;
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * BLOCK_BYTES;
    const loss = readU32(body, at + 4);
    return {
      ssrc: readU32(body, at),
      fractionLost: loss >>> 24,
      packetsLost: (loss << 8) >> 8,
      highestSequence: readU32(body, at + 8),
      jitter: readU32(body, at + 12),
      lastSenderReport: readU32(body, at + 16),
      delaySinceLastSenderReport: readU32(body, at + 20),
    };
  });
}

/** RFC 3550 §6.5: chunks of an SSRC and items, ended by a zero byte and filled up to 32 bits. */
function readChunks(body: Uint8Array, count: number, into: RtcpPacket[]): RtcpFault | undefined {
  let at = HEADER_BYTES;
  for (let chunk = 0; chunk < count; chunk++) {
    if (at + 4 > body.byteLength) return "count";
    const ssrc = readU32(body, at);
    at += 4;
    let cname = "";
    for (;;) {
      const item = body[at];
      if (item === undefined) return "count";
      if (item === 0) break;
      const size = body[at + 1];
      if (size === undefined || at + 2 + size > body.byteLength) return "count";
      if (item === CNAME_ITEM) cname = textOf(body.subarray(at + 2, at + 2 + size));
      at += 2 + size;
    }
    at = (at + 4) & ~3;
    into.push({ type: "source-description", ssrc, cname });
  }
  return undefined;
}

function readBye(body: Uint8Array, count: number, into: RtcpPacket[]): RtcpFault | undefined {
  const reasonAt = HEADER_BYTES + count * 4;
  if (reasonAt > body.byteLength) return "count";
  const ssrcs = Array.from({ length: count }, (_, i) => readU32(body, HEADER_BYTES + i * 4));
  const size = body[reasonAt] ?? 0;
  if (reasonAt + 1 + size > body.byteLength && size > 0) return "count";
  const reason = textOf(body.subarray(reasonAt + 1, reasonAt + 1 + size));
  into.push({ type: "bye", ssrcs, reason });
  return undefined;
}

function encodeOne(packet: RtcpPacket): Uint8Array {
  switch (packet.type) {
    case "sender-report": {
      const start = HEADER_BYTES + SENDER_INFO_BYTES;
      const { reports } = packet;
      const bytes = head(SENDER_REPORT, reports.length, start + reports.length * BLOCK_BYTES);
      writeU32(bytes, 4, packet.ssrc);
      writeU32(bytes, 8, packet.ntpSeconds);
      writeU32(bytes, 12, packet.ntpFraction);
      writeU32(bytes, 16, packet.rtpTimestamp);
      writeU32(bytes, 20, packet.packetCount);
      writeU32(bytes, 24, packet.octetCount);
      writeBlocks(bytes, start, reports);
      return bytes;
    }
    case "receiver-report": {
      const start = HEADER_BYTES + 4;
      const { reports } = packet;
      const bytes = head(RECEIVER_REPORT, reports.length, start + reports.length * BLOCK_BYTES);
      writeU32(bytes, 4, packet.ssrc);
      writeBlocks(bytes, start, reports);
      return bytes;
    }
    case "source-description": {
      const cname = bytesOf(packet.cname);
      // Item head, text and at least one zero byte.
      const items = cname.byteLength === 0 ? 4 : (2 + cname.byteLength + 4) & ~3;
      const bytes = head(SOURCE_DESCRIPTION, 1, HEADER_BYTES + 4 + items);
      writeU32(bytes, 4, packet.ssrc);
      if (cname.byteLength > 0) {
        bytes[8] = CNAME_ITEM;
        bytes[9] = cname.byteLength;
        bytes.set(cname, 10);
      }
      return bytes;
    }
    case "bye": {
      const reason = bytesOf(packet.reason);
      const reasonAt = HEADER_BYTES + packet.ssrcs.length * 4;
      const reasonBytes = reason.byteLength === 0 ? 0 : (1 + reason.byteLength + 3) & ~3;
      const bytes = head(BYE, packet.ssrcs.length, reasonAt + reasonBytes);
      for (const [i, ssrc] of packet.ssrcs.entries()) writeU32(bytes, HEADER_BYTES + i * 4, ssrc);
      if (reasonBytes > 0) {
        bytes[reasonAt] = reason.byteLength;
        bytes.set(reason, reasonAt + 1);
      }
      return bytes;
    }
    case "other":
      assert(packet.bytes.byteLength % 4 === 0, "an RTCP packet is a multiple of 4 bytes");
      return packet.bytes;
  }
}

function head(packetType: number, count: number, size: number): Uint8Array {
  assert(count <= 31, "an RTCP packet has at most 31 parts");
  const bytes = new Uint8Array(size);
  bytes[0] = 0x80 | count;
  bytes[1] = packetType;
  writeU16(bytes, 2, size / 4 - 1);
  return bytes;
}

function writeBlocks(bytes: Uint8Array, start: number, reports: readonly ReportBlock[]): void {
  for (const [index, report] of reports.entries()) {
    const at = start + index * BLOCK_BYTES;
    writeU32(bytes, at, report.ssrc);
    writeU32(bytes, at + 4, (report.fractionLost << 24) | (report.packetsLost & 0xff_ffff));
    writeU32(bytes, at + 8, report.highestSequence);
    writeU32(bytes, at + 12, report.jitter);
    writeU32(bytes, at + 16, report.lastSenderReport);
    writeU32(bytes, at + 20, report.delaySinceLastSenderReport);
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function bytesOf(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  assert(bytes.byteLength <= 255, "an RTCP text has at most 255 bytes");
  return bytes;
}
