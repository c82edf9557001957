/**
 * The 20-byte header of every packet between sites and to players. Little endian, always in clear. docs/spec/wire.md
 * [W1]-[W9].
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | u8 | version (high 4 bits), kind (low 4 bits) |
 * | 1 | u8 | flags |
 * | 2 | u16 | length of this packet in bytes, header included |
 * | 4 | u32 | channel id, allocated by the leader; 0 on the link itself |
 * | 8 | u32 | source id |
 * | 12 | u16 | stack epoch |
 * | 14 | u8 | medium |
 * | 15 | u8 | source generation |
 * | 16 | u32 | sequence |
 */

import { assert, LIMITS } from "../base/index.ts";
import {
  readU32LittleEndian as readU32,
  writeU32LittleEndian as writeU32,
} from "./bytes/little-endian.ts";
import type { PacketMemory } from "./bytes/packet-memory.ts";

/** Encoded size in bytes. */
export const HEADER_BYTES = 20;

/** The version this code speaks. */
export const WIRE_VERSION = 1;

/**
 * What the payload is. `data`: a whole message, 32-bit sequence. `rtp`: an RTP packet, whose 16-bit sequence is
 * zero-extended. `control`: see control.ts. `fragment`: a fragment of a packet (the `frag` module). `sealed`: packets
 * sealed by `crypt`, and its handshake.
 */
export const KIND = {
  data: 0,
  control: 1,
  parity: 2,
  probe: 3,
  fragment: 4,
  rtp: 5,
  sealed: 6,
} as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

export const FLAG = {
  /** First packet of a frame; together with `keyframe`, the first that a decoder needs. */
  begin: 1,
  /** Last packet of a frame. */
  end: 2,
  /** Sent again. */
  retransmit: 4,
  /** Belongs to a frame that decodes without earlier ones. */
  keyframe: 8,
  /** No other frame needs this one. */
  discardable: 16,
  ackRequest: 32,
  keyPhase: 64,
  extension: 128,
} as const;

/** Media with a fixed meaning. Further tracks of a channel count up from `user`. */
export const MEDIUM = { control: 0, audio: 1, video: 2, text: 3, user: 4 } as const;

export interface Header {
  readonly kind: number;
  /** Sum of {@link FLAG} values. */
  readonly flags: number;
  /** Bytes of the packet, header included: 20..65535. */
  readonly length: number;
  readonly channel: number;
  readonly source: number;
  /** u16, generation of the stack that made the packet. */
  readonly stackEpoch: number;
  /** u8. */
  readonly medium: number;
  /** u8, wraps: restarts of the publisher. */
  readonly sourceGeneration: number;
  /** u32, or u16 zero-extended when `kind` is rtp; wraps. */
  readonly sequence: number;
}

/** Why bytes are not a packet. An expected outcome, hence a value. */
export type HeaderFault = "short" | "version" | "length";

/**
 * [W2] Checks the header at the start of `bytes`. Undefined when it is valid. `bytes` may hold more packets after it.
 */
export function faultOf(bytes: Uint8Array): HeaderFault | undefined {
  if (bytes.byteLength < HEADER_BYTES) return "short";
  if ((bytes[0] as number) >> 4 !== WIRE_VERSION) return "version";
  const length = lengthOf(bytes);
  if (length < HEADER_BYTES || length > bytes.byteLength) return "length";
  return undefined;
}

/** Reads the header at the front of `bytes`; copies nothing, never throws. */
export function decodeHeader(bytes: Uint8Array): Header | HeaderFault {
  const fault = faultOf(bytes);
  if (fault !== undefined) return fault;
  return {
    kind: kindOf(bytes),
    flags: flagsOf(bytes),
    length: lengthOf(bytes),
    channel: channelOf(bytes),
    source: sourceOf(bytes),
    stackEpoch: (bytes[12] as number) | ((bytes[13] as number) << 8),
    medium: mediumOf(bytes),
    sourceGeneration: generationOf(bytes),
    sequence: sequenceOf(bytes),
  };
}

/** Writes `header` at the front of `target` (>= 20 bytes). Fields are taken modulo their width. */
export function encodeHeader(header: Header, target: Uint8Array): void {
  target[0] = (WIRE_VERSION << 4) | (header.kind & 15);
  target[1] = header.flags;
  target[2] = header.length;
  target[3] = header.length >> 8;
  writeU32(target, 4, header.channel);
  writeU32(target, 8, header.source);
  target[12] = header.stackEpoch;
  target[13] = header.stackEpoch >> 8;
  target[14] = header.medium;
  target[15] = header.sourceGeneration;
  writeU32(target, 16, header.sequence);
}

/**
 * A new packet made of a header and a payload (copied). The header's length follows from the payload.
 *
 * @param memory allocates its buffer; by default it has its own
 */
export function encodePacket(
  header: Omit<Header, "length" | "stackEpoch"> & { readonly stackEpoch?: number },
  payload: Uint8Array,
  memory?: PacketMemory,
): Uint8Array {
  const length = HEADER_BYTES + payload.byteLength;
  assert(length <= LIMITS.packetBytesMax, "a packet fits the length in its header");
  const packet = memory?.take(length) ?? new Uint8Array(length);
  const { channel, flags, kind, medium, sequence, source, sourceGeneration, stackEpoch } = header;
  encodeHeader(
    {
      kind,
      flags,
      length,
      channel,
      source,
      stackEpoch: stackEpoch ?? 0,
      medium,
      sourceGeneration,
      sequence,
    },
    packet,
  );
  packet.set(payload, HEADER_BYTES);
  return packet;
}

// Field readers for the packet path: no object per packet. Call only when faultOf() said nothing.

export function kindOf(packet: Uint8Array): number {
  return (packet[0] as number) & 15;
}

export function flagsOf(packet: Uint8Array): number {
  return packet[1] as number;
}

export function lengthOf(packet: Uint8Array): number {
  return (packet[2] as number) | ((packet[3] as number) << 8);
}

export function channelOf(packet: Uint8Array): number {
  return readU32(packet, 4);
}

export function sourceOf(packet: Uint8Array): number {
  return readU32(packet, 8);
}

export function mediumOf(packet: Uint8Array): number {
  return packet[14] as number;
}

export function generationOf(packet: Uint8Array): number {
  return packet[15] as number;
}

export function sequenceOf(packet: Uint8Array): number {
  return readU32(packet, 16);
}

/** Width of the packet's sequence in bits ([W6]). */
export function sequenceBitsOf(packet: Uint8Array): 16 | 32 {
  return kindOf(packet) === KIND.rtp ? 16 : 32;
}

/** The payload, as a view of `packet`. */
export function payloadOf(packet: Uint8Array): Uint8Array {
  return packet.subarray(HEADER_BYTES, lengthOf(packet));
}

/**
 * The concatenated packets in `bytes`, as views. Stops at the first fault, which is the generator's return value;
 * undefined when all was used.
 */
export function* splitPackets(bytes: Uint8Array): Generator<Uint8Array, HeaderFault | undefined> {
  let rest = bytes;
  while (rest.byteLength > 0) {
    const fault = faultOf(rest);
    if (fault !== undefined) return fault;
    const length = lengthOf(rest);
    yield rest.byteLength === length ? rest : rest.subarray(0, length);
    rest = rest.subarray(length);
  }
  return undefined;
}
