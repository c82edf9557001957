/** AAC over RTP: RFC 3640 as `mpeg4-generic`, sent and received, and RFC 6416 as `mp4a-latm`, received. */
import { assert } from "../../base/index.ts";
import { readU16, writeU16 } from "../bytes/big-endian.ts";
import { BitReader } from "../bytes/bit-reader.ts";
import { decodeHex, encodeHex } from "../bytes/hex.ts";
import type { RtpPacket } from "../rtp/rtp.ts";
import { type AacConfig, decodeAacConfig, decodeLatmConfig } from "./aac-config.ts";
import { FrameBuilder } from "./frame-builder.ts";
import type { Depacketizer, Frame, Packetizer } from "./media-format.ts";

/** How a description says that access units of AAC lie in packets. */
export type AacFormat = {
  readonly config: AacConfig;
  /** RTP ticks from one access unit to the next. */
  readonly unitTicks: number;
} & (
  | {
      readonly payload: "generic";
      /** Bits of the fields of an AU-header (RFC 3640 §3.2.1); `sizeBits` 0: all have `unitBytes`. */
      readonly sizeBits: number;
      readonly indexBits: number;
      readonly deltaBits: number;
      readonly unitBytes: number;
    }
  | { readonly payload: "latm"; readonly subFrames: number }
);

/** True for the encoding names of AAC. */
export function isAac(codec: string): boolean {
  return codec === "mpeg4-generic" || codec === "mp4a-latm";
}

const FIELD_BITS_MAX = 32;
/** Fields of the AU-header that AAC has no use for; with them its size would be another. */
const FOREIGN_FIELDS = [
  "ctsdeltalength",
  "dtsdeltalength",
  "randomaccessindication",
  "streamstateindication",
  "auxiliarydatasizelength",
];

/**
 * Reads the format parameters of `mpeg4-generic` or `mp4a-latm`.
 *
 * @returns undefined when they do not describe AAC that can be depacketized
 */
export function parseAacFormat(track: {
  readonly codec: string;
  readonly clockRate: number;
  readonly fmtp?: string | undefined;
}): AacFormat | undefined {
  const parameters = parametersOf(track.fmtp ?? "");
  const bytes = bytesOfHex(parameters.get("config") ?? "");
  if (bytes === undefined) return undefined;
  const ticksOf = ({ frameSamples, sampleRate }: AacConfig): number =>
    Math.round((frameSamples * track.clockRate) / sampleRate);
  if (track.codec === "mp4a-latm") {
    // With `cpresent` 1, its default, the configuration comes in band.
    const latm = parameters.get("cpresent") === "0" ? decodeLatmConfig(bytes) : undefined;
    return latm && { payload: "latm", unitTicks: ticksOf(latm.config), ...latm };
  }
  const config = decodeAacConfig(bytes);
  const number = (name: string): number => Number(parameters.get(name) ?? 0);
  const sizeBits = number("sizelength");
  const indexBits = number("indexlength");
  const deltaBits = number("indexdeltalength");
  const unitBytes = number("constantsize");
  const fields = [sizeBits, indexBits, deltaBits];
  const isSound =
    fields.every((bits) => Number.isInteger(bits) && bits >= 0 && bits <= FIELD_BITS_MAX) &&
    sizeBits > 0 !== (Number.isInteger(unitBytes) && unitBytes > 0) &&
    FOREIGN_FIELDS.every((name) => number(name) === 0);
  if (config === undefined || !isSound) return undefined;
  const duration = number("constantduration");
  const unitTicks = Number.isInteger(duration) && duration > 0 ? duration : ticksOf(config);
  return { payload: "generic", config, unitTicks, sizeBits, indexBits, deltaBits, unitBytes };
}

/** The format parameters of what {@link AacPacketizer} sends (RFC 3640 §4.1, §3.3.6). */
export function formatAacParameters(config: Uint8Array): string {
  const fields = "sizelength=13;indexlength=3;indexdeltalength=3";
  return `streamtype=5;profile-level-id=1;mode=AAC-hbr;${fields};config=${encodeHex(config)}`;
}

/** Names in lower case to values. */
function parametersOf(fmtp: string): ReadonlyMap<string, string> {
  return new Map(
    fmtp.split(";").map((part) => {
      const [name = "", value = ""] = part.split("=", 2);
      return [name.trim().toLowerCase(), value.trim()] as const;
    }),
  );
}

/** A program configuration has a comment of up to 255 bytes. */
const CONFIG_BYTES_MAX = 400;

function bytesOfHex(hex: string): Uint8Array | undefined {
  const bytes = decodeHex(hex);
  return bytes !== undefined && bytes.byteLength >= 2 && bytes.byteLength <= CONFIG_BYTES_MAX
    ? bytes
    : undefined;
}

const AU_HEADERS_BYTES = 4;
/** RFC 3640 §3.3.6: 13 bits of size. */
const UNIT_BYTES_MAX = 8_191;

/** One access unit per packet in mode AAC-hbr (RFC 3640 §3.3.6); one that does not fit, in fragments. */
export class AacPacketizer implements Packetizer {
  /** §3.1: with the packet that ends an access unit. */
  readonly marksEnd = true;
  readonly #dataBytesMax: number;

  constructor(options: { readonly maxPayloadBytes: number }) {
    this.#dataBytesMax = options.maxPayloadBytes - AU_HEADERS_BYTES;
    assert(this.#dataBytesMax >= 1, "an AAC payload has room for its headers and a byte");
  }

  packetize({ bytes }: { readonly bytes: Uint8Array }): Uint8Array[] {
    if (bytes.byteLength > UNIT_BYTES_MAX) return [];
    const count = Math.ceil(bytes.byteLength / this.#dataBytesMax);
    const size = Math.ceil(bytes.byteLength / count);
    const payloads: Uint8Array[] = [];
    for (let at = 0; at < bytes.byteLength; at += size) {
      const piece = bytes.subarray(at, at + size);
      const payload = new Uint8Array(AU_HEADERS_BYTES + piece.byteLength);
      writeU16(payload, 0, 16);
      // §3.2.1: with the size of the whole access unit, also before a piece. The index is 0.
      writeU16(payload, 2, bytes.byteLength << 3);
      payload.set(piece, AU_HEADERS_BYTES);
      payloads.push(payload);
    }
    return payloads;
  }
}

/** Packets of `format` to access units. */
export function aacDepacketizer(format: AacFormat): Depacketizer {
  const unpack = format.payload === "latm" ? unpackLatm(format) : unpackGeneric(format);
  return new UnitDepacketizer(format.unitTicks, unpack);
}

/** Far more than access units have, and few enough to look at in one go. */
const PIECES_BYTES_MAX = 64 * 1024;

/** Access units that end with this payload; what of it is to be kept because they do not; or `"broken"`. */
type Unpack = (
  payload: Uint8Array,
  context: { readonly collected: FrameBuilder; readonly isLast: boolean },
) => readonly Uint8Array[] | { readonly keep: Uint8Array } | "broken";

/** Packets with several access units, and access units in several packets. */
class UnitDepacketizer implements Depacketizer {
  readonly #unitTicks: number;
  readonly #unpack: Unpack;
  readonly #piece = new FrameBuilder();
  #timestamp = 0;
  #ready: Frame[] = [];
  #dropped = 0;
  /** What comes with this timestamp belongs to what was dropped already. */
  #isDropped = false;

  constructor(unitTicks: number, unpack: Unpack) {
    this.#unitTicks = unitTicks;
    this.#unpack = unpack;
  }

  get dropped(): number {
    return this.#dropped;
  }

  push({ marker, payload, timestamp }: RtpPacket): Frame | undefined {
    this.#ready = [];
    if (this.#piece.length > 0 && timestamp !== this.#timestamp) this.#drop();
    if (timestamp !== this.#timestamp) this.#isDropped = false;
    // Padding alone belongs to no frame.
    if (payload.byteLength === 0) return undefined;
    this.#timestamp = timestamp;
    const units = this.#unpack(payload, { collected: this.#piece, isLast: marker });
    if (units === "broken") {
      this.#drop();
    } else if ("keep" in units) {
      this.#piece.append(units.keep);
      if (this.#piece.length > PIECES_BYTES_MAX) this.#drop();
    } else {
      this.#piece.clear();
      this.#ready = units.map((bytes, index) => ({
        bytes,
        timestamp: (timestamp + index * this.#unitTicks) >>> 0,
        key: true,
      }));
    }
    return this.#ready.shift();
  }

  more(): Frame | undefined {
    return this.#ready.shift();
  }

  lost(): void {
    if (this.#piece.length > 0) this.#drop();
  }

  /** Access units have lengths. */
  readonly waiting = "no";

  finish(): undefined {
    return undefined;
  }

  #drop(): void {
    this.#piece.clear();
    if (!this.#isDropped) this.#dropped++;
    this.#isDropped = true;
  }
}

/** RFC 3640 §3.2: the length of the AU-headers in bits, the headers, and the access units or a piece of one. */
function unpackGeneric(format: AacFormat & { readonly payload: "generic" }): Unpack {
  const { deltaBits, indexBits, sizeBits, unitBytes } = format;
  return (payload, { collected, isLast }) => {
    const read = sizeBits + indexBits === 0 ? NO_HEADERS : readHeaders(payload);
    if (read === undefined) return "broken";
    const { bits, from } = read;
    const headers = new BitReader(payload.subarray(2, from));
    const units: Uint8Array[] = [];
    for (let at = from; at < payload.byteLength; ) {
      const hasHeader = headers.position < bits;
      if (bits > 0 && !hasHeader) return "broken";
      const size = sizeBits > 0 ? headers.bits(sizeBits) : unitBytes;
      const index = headers.bits(units.length === 0 ? indexBits : deltaBits);
      // §3.2.1: another index is interleaving, which was not agreed.
      if (size === 0 || index !== 0 || headers.position > bits) return "broken";
      const data = payload.subarray(at, at + size);
      if (units.length === 0 && (collected.length > 0 || data.byteLength < size)) {
        const reached = collected.length + data.byteLength;
        const isAlone = at + data.byteLength === payload.byteLength;
        if (reached > size || !isAlone || (reached < size && isLast)) return "broken";
        return reached === size ? [joined(collected, data)] : { keep: data };
      }
      if (data.byteLength < size) return "broken";
      units.push(data.slice());
      at += size;
    }
    return units.length === 0 || headers.position !== bits ? "broken" : units;
  };
}

const NO_HEADERS = { bits: 0, from: 0 } as const;

function readHeaders(
  payload: Uint8Array,
): { readonly bits: number; readonly from: number } | undefined {
  if (payload.byteLength < 2) return undefined;
  const bits = readU16(payload, 0);
  const from = 2 + Math.ceil(bits / 8);
  return bits === 0 || from >= payload.byteLength ? undefined : { bits, from };
}

/** RFC 6416 §6.3 with `cpresent` 0: AudioMuxElements of access units behind their lengths, cut anywhere. */
function unpackLatm({ subFrames }: AacFormat & { readonly payload: "latm" }): Unpack {
  return (payload, { collected, isLast }) => {
    if (!isLast) return { keep: payload };
    const bytes = joined(collected, payload);
    const units: Uint8Array[] = [];
    for (let at = 0; at < bytes.byteLength; ) {
      let size = 0;
      let byte = 255;
      while (byte === 255) {
        byte = bytes[at++] ?? 256;
        size += byte;
      }
      if (byte > 255 || size === 0 || at + size > bytes.byteLength) return "broken";
      units.push(bytes.slice(at, at + size));
      at += size;
    }
    return units.length > 0 && units.length % subFrames === 0 ? units : "broken";
  };
}

function joined(collected: FrameBuilder, last: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(collected.length + last.byteLength);
  bytes.set(collected.slice());
  bytes.set(last, collected.length);
  return bytes;
}
