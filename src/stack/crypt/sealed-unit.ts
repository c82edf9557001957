/**
 * What `crypt` hands down: packets of kind `sealed`. docs/spec/stack.md [S31], [S32]
 *
 * Behind the packet header, little endian:
 *
 * | form | offset | size | field |
 * |---|---|---|---|
 * | all | 20 | u8 | form (high 4 bits); of form `packet`, the kind of the packet inside (low 4 bits) |
 * | packet, record, part, confirm | 21 | u32 | key id |
 * | | 25 | u32 | number |
 * | | 29 | | sealed text, at its end the tag (16) |
 * | hello | 21 | 16 | salt of the sender |
 * | | 37 | 16 | zeros |
 * | | 53 | 16 | tag |
 * | answer | 21 | 16 | salt of the sender |
 * | | 37 | 16 | salt of the hello |
 * | | 53 | 16 | tag |
 */
import {
  encodeHeader,
  HEADER_BYTES,
  KIND,
  kindOf,
  lengthOf,
  splitPackets,
  WIRE_VERSION,
} from "../../wire/index.ts";
import { TAG_BYTES } from "./cipher.ts";
import { type Opener, type OpenFault, SEAL_HEAD_BYTES, type Sealer } from "./seal.ts";

/** What a unit is. */
export const FORM = {
  /** Holds the payload of one packet, whose header stands in clear. */
  packet: 1,
  /** Holds whole packets, or the end of them; its header is the first one's. */
  record: 2,
  /** As record, continued in the next one. */
  part: 3,
  hello: 4,
  answer: 5,
  /** Holds nothing: says that its sender has the keys. */
  confirm: 6,
} as const;

/** Bytes of a unit that stand in clear and are authenticated. */
export const UNIT_HEAD_BYTES = HEADER_BYTES + 1 + SEAL_HEAD_BYTES;
/** What sealing adds to a packet. */
export const UNIT_OVERHEAD_BYTES = UNIT_HEAD_BYTES - HEADER_BYTES + TAG_BYTES;
/** Most bytes of packets in one record. */
export const RECORD_BYTES_MAX = 0xffff - UNIT_HEAD_BYTES - TAG_BYTES;
export const SALT_BYTES = 16;
/** Greetings and answers are of one length, so that forged addresses gain nothing. */
export const HANDSHAKE_BYTES = HEADER_BYTES + 1 + 2 * SALT_BYTES + TAG_BYTES;

const FORM_AT = HEADER_BYTES;
const SALT_AT = FORM_AT + 1;
const ECHO_AT = SALT_AT + SALT_BYTES;
const TAG_AT = ECHO_AT + SALT_BYTES;

/** The form of a packet of kind sealed; 0 when it has none. */
export function formOf(unit: Uint8Array): number {
  return unit.byteLength > FORM_AT ? (unit[FORM_AT] as number) >> 4 : 0;
}

/** Seals one packet. Undefined: the key is used up. */
export function sealPacket(sealer: Sealer, packet: Uint8Array): Uint8Array | undefined {
  const unit = new Uint8Array(packet.byteLength + UNIT_OVERHEAD_BYTES);
  unit.set(packet.subarray(0, HEADER_BYTES));
  writeHead(unit, 0, unit.byteLength, (FORM.packet << 4) | kindOf(packet));
  return sealer.seal(unit, UNIT_HEAD_BYTES, packet.subarray(HEADER_BYTES)) ? unit : undefined;
}

/** Seals whole packets as concatenated records, to be sent at once. Undefined: the key is used up. */
export function sealRecords(sealer: Sealer, packets: Uint8Array): Uint8Array | undefined {
  const count = Math.ceil(packets.byteLength / RECORD_BYTES_MAX);
  if (sealer.left < count) return undefined;
  const added = UNIT_HEAD_BYTES + TAG_BYTES;
  const units = new Uint8Array(packets.byteLength + count * added);
  for (let index = 0; index < count; index++) {
    const text = packets.subarray(index * RECORD_BYTES_MAX, (index + 1) * RECORD_BYTES_MAX);
    const at = index * (RECORD_BYTES_MAX + added);
    units.set(packets.subarray(0, HEADER_BYTES), at);
    const form = index === count - 1 ? FORM.record : FORM.part;
    writeHead(units, at, text.byteLength + added, form << 4);
    sealer.seal(units.subarray(at), UNIT_HEAD_BYTES, text);
  }
  return units;
}

/** A unit that holds nothing. Undefined: the key is used up. */
export function sealConfirm(sealer: Sealer): Uint8Array | undefined {
  const unit = new Uint8Array(UNIT_HEAD_BYTES + TAG_BYTES);
  writeHead(unit, 0, unit.byteLength, FORM.confirm << 4);
  return sealer.seal(unit, UNIT_HEAD_BYTES, unit.subarray(0, 0)) ? unit : undefined;
}

/** The packet in a unit of form packet. */
export function openPacket(opener: Opener, unit: Uint8Array): Uint8Array | OpenFault {
  if (unit.byteLength < UNIT_HEAD_BYTES + TAG_BYTES) return "truncated";
  const length = unit.byteLength - UNIT_OVERHEAD_BYTES;
  const packet = new Uint8Array(length);
  const fault = opener.open(unit, UNIT_HEAD_BYTES, packet, HEADER_BYTES);
  if (fault !== undefined) return fault;
  packet.set(unit.subarray(0, HEADER_BYTES));
  packet[0] = (WIRE_VERSION << 4) | ((unit[FORM_AT] as number) & 15);
  packet[2] = length;
  packet[3] = length >> 8;
  return packet;
}

/** The text of a unit of any other sealed form. */
export function openText(opener: Opener, unit: Uint8Array): Uint8Array | OpenFault {
  if (unit.byteLength < UNIT_HEAD_BYTES + TAG_BYTES) return "truncated";
  const text = new Uint8Array(unit.byteLength - UNIT_HEAD_BYTES - TAG_BYTES);
  return opener.open(unit, UNIT_HEAD_BYTES, text, 0) ?? text;
}

/** Whether `bytes` are one or more whole packets, and nothing else. */
export function areWholePackets(bytes: Uint8Array): boolean {
  const packets = splitPackets(bytes);
  for (;;) {
    const { done, value } = packets.next();
    if (done === true) return value === undefined && bytes.byteLength > 0;
  }
}

/** The contents of a hello or an answer. */
export interface HandshakeMessage {
  /** Of the sender. */
  readonly salt: Uint8Array;
  /** The salt that it answers; zeros when it is not an answer. */
  readonly echo: Uint8Array;
  readonly tag: Uint8Array;
}

export function encodeHandshake(
  form: typeof FORM.hello | typeof FORM.answer,
  { salt, echo, tag }: HandshakeMessage,
): Uint8Array {
  const unit = new Uint8Array(HANDSHAKE_BYTES);
  encodeHeader(
    {
      kind: KIND.sealed,
      flags: 0,
      length: HANDSHAKE_BYTES,
      channel: 0,
      source: 0,
      stackEpoch: 0,
      medium: 0,
      sourceGeneration: 0,
      sequence: 0,
    },
    unit,
  );
  unit[FORM_AT] = form << 4;
  unit.set(salt, SALT_AT);
  unit.set(echo, ECHO_AT);
  unit.set(tag, TAG_AT);
  return unit;
}

/** The parts of a hello or an answer, as views; undefined for anything that {@link encodeHandshake} does not write. */
export function decodeHandshake(unit: Uint8Array): HandshakeMessage | undefined {
  if (unit.byteLength !== HANDSHAKE_BYTES || lengthOf(unit) !== HANDSHAKE_BYTES) return undefined;
  if (unit[0] !== ((WIRE_VERSION << 4) | KIND.sealed) || unit[1] !== 0) return undefined;
  for (let at = 4; at < HEADER_BYTES; at++) if (unit[at] !== 0) return undefined;
  if (((unit[FORM_AT] as number) & 15) !== 0) return undefined;
  return {
    salt: unit.subarray(SALT_AT, ECHO_AT),
    echo: unit.subarray(ECHO_AT, TAG_AT),
    tag: unit.subarray(TAG_AT),
  };
}

/** Whether `packet` asks for a private connection, which may start with it. */
export function isCryptHello(packet: Uint8Array): boolean {
  return formOf(packet) === FORM.hello && decodeHandshake(packet) !== undefined;
}

/** Whether `unit` is what {@link sealPacket} makes. */
export function isSealedPacket(unit: Uint8Array): boolean {
  const isWhole = unit.byteLength >= UNIT_HEAD_BYTES && lengthOf(unit) === unit.byteLength;
  return isWhole && kindOf(unit) === KIND.sealed && formOf(unit) === FORM.packet;
}

/** Makes the header at `at` one of a unit; its other fields are there already. */
function writeHead(units: Uint8Array, at: number, length: number, form: number): void {
  units[at] = (WIRE_VERSION << 4) | KIND.sealed;
  units[at + 2] = length;
  units[at + 3] = length >> 8;
  units[at + FORM_AT] = form;
}
