/** The payload formats that Meander can take apart, by the lower-case encoding name of the SDP. */
import { AacPacketizer, aacDepacketizer, parseAacFormat } from "./aac.ts";
import { AV1_SETS, Av1Follower, Av1Inspector, Av1Packetizer, av1Depacketizer } from "./av1.ts";
import { H264_FORMAT, H264Inspector } from "./h264.ts";
import { H264_SETS } from "./h264-nal.ts";
import { H265_FORMAT, H265_SETS, H265Inspector } from "./h265.ts";
import {
  type Depacketizer,
  type Inspector,
  NO_FACTS,
  type Packetizer,
  type PayloadFacts,
} from "./media-format.ts";
import { nalDepacketizer } from "./nal-depacketizer.ts";
import { NalPacketizer } from "./nal-packetizer.ts";
import type { SetFormat } from "./parameter-sets.ts";
import type { PictureFollower } from "./picture-follower.ts";
import {
  SINGLE_PACKET_FACTS,
  SinglePacketDepacketizer,
  SinglePacketPacketizer,
} from "./single-packet.ts";
import { VP8_INSPECTOR, Vp8Follower, Vp8Packetizer, vp8Depacketizer } from "./vp8.ts";
import { Vp9Follower, Vp9Inspector, Vp9Packetizer, vp9Depacketizer } from "./vp9.ts";

/** What a depacketizer may know of its track. */
export interface DepacketizerOptions {
  /** For key frames that lack them; copied. H.264, H.265: NAL units without start code; AV1: OBUs without size. */
  readonly parameterSets?: readonly Uint8Array[] | undefined;
  /** RTP ticks per second; AAC needs it. */
  readonly clockRate?: number | undefined;
  /** Format parameters; AAC needs them. */
  readonly fmtp?: string | undefined;
}

interface RtpFormat {
  /** For people. */
  readonly name: string;
  readonly kind: "audio" | "video";
  /** Undefined: only received. */
  readonly packetizer?: (options: { readonly maxPayloadBytes: number }) => Packetizer;
  readonly depacketizer: (options: DepacketizerOptions) => Depacketizer | undefined;
  readonly inspector: (parameterSets: readonly Uint8Array[]) => Inspector;
  /** Undefined for audio. */
  readonly follower?: (parameterSets: readonly Uint8Array[]) => PictureFollower;
  readonly sets?: SetFormat;
}

const SINGLE_PACKETS: Omit<RtpFormat, "name"> = {
  kind: "audio",
  packetizer: () => new SinglePacketPacketizer(),
  depacketizer: () => new SinglePacketDepacketizer(),
  inspector: () => ({ inspect: () => SINGLE_PACKET_FACTS }),
};

/** Its frames start with a new timestamp and end with the marker. */
const NOTHING_TO_SEE: Inspector = { inspect: () => NO_FACTS };

function aac(codec: string): RtpFormat {
  return {
    name: "AAC",
    kind: "audio",
    depacketizer({ clockRate, fmtp }) {
      const format = clockRate && parseAacFormat({ codec, clockRate, fmtp });
      return format ? aacDepacketizer(format) : undefined;
    },
    inspector: () => NOTHING_TO_SEE,
  };
}

const FORMATS: ReadonlyMap<string, RtpFormat> = new Map<string, RtpFormat>([
  [
    "h264",
    {
      name: "H.264",
      kind: "video",
      packetizer: (options) => new NalPacketizer(H264_FORMAT, options),
      depacketizer: (options) => nalDepacketizer(H264_FORMAT, options),
      inspector: () => new H264Inspector(),
      follower: (sets) => H264_FORMAT.follower(sets),
      sets: H264_SETS,
    },
  ],
  [
    "h265",
    {
      name: "H.265",
      kind: "video",
      packetizer: (options) => new NalPacketizer(H265_FORMAT, options),
      depacketizer: (options) => nalDepacketizer(H265_FORMAT, options),
      inspector: (sets) => new H265Inspector(sets),
      follower: (sets) => H265_FORMAT.follower(sets),
      sets: H265_SETS,
    },
  ],
  [
    "vp8",
    {
      name: "VP8",
      kind: "video",
      packetizer: (options) => new Vp8Packetizer(options),
      depacketizer: vp8Depacketizer,
      inspector: () => VP8_INSPECTOR,
      follower: () => new Vp8Follower(),
    },
  ],
  [
    "vp9",
    {
      name: "VP9",
      kind: "video",
      packetizer: (options) => new Vp9Packetizer(options),
      depacketizer: vp9Depacketizer,
      inspector: () => new Vp9Inspector(),
      follower: () => new Vp9Follower(),
    },
  ],
  [
    "av1",
    {
      name: "AV1",
      kind: "video",
      packetizer: (options) => new Av1Packetizer(options),
      depacketizer: av1Depacketizer,
      inspector: (sets) => new Av1Inspector(sets),
      follower: () => new Av1Follower(),
      sets: AV1_SETS,
    },
  ],
  ["opus", { ...SINGLE_PACKETS, name: "Opus" }],
  ["pcmu", { ...SINGLE_PACKETS, name: "G.711 µ-law" }],
  ["pcma", { ...SINGLE_PACKETS, name: "G.711 A-law" }],
  [
    "mpeg4-generic",
    { ...aac("mpeg4-generic"), packetizer: (options) => new AacPacketizer(options) },
  ],
  ["mp4a-latm", aac("mp4a-latm")],
]);

/** The codecs whose frames can be taken out of packets. */
export const KNOWN_CODECS: readonly string[] = [...FORMATS.keys()];

/** What people call a codec; its own name when it is not known. */
export function codecNameOf(codec: string): string {
  return FORMATS.get(codec)?.name ?? codec;
}

/** True for video whose key frames the ingest marks by flags. */
export function tellsKeyFrames(codec: string): boolean {
  return FORMATS.get(codec)?.kind === "video";
}

/**
 * A packetizer; undefined for codecs that are not known, or only received.
 *
 * @param options.maxPayloadBytes largest RTP payload, without the RTP header; >= 5
 */
export function packetizerFor(
  codec: string,
  options: { readonly maxPayloadBytes: number },
): Packetizer | undefined {
  return FORMATS.get(codec)?.packetizer?.(options);
}

/** A depacketizer; undefined for codecs that are not known, and for AAC whose format parameters do not describe it. */
export function depacketizerFor(
  codec: string,
  options: DepacketizerOptions = {},
): Depacketizer | undefined {
  return FORMATS.get(codec)?.depacketizer(options);
}

/**
 * Inspects payloads for an ingest; undefined for unknown codecs.
 *
 * @param parameterSets those that came with the description; not retained
 */
export function inspectorFor(
  codec: string,
  parameterSets: readonly Uint8Array[] = [],
): Inspector | undefined {
  return FORMATS.get(codec)?.inspector(parameterSets);
}

/**
 * Tells the pictures of a source apart; undefined for audio and for unknown codecs.
 *
 * @param parameterSets those that came with the description; not retained
 */
export function followerFor(
  codec: string,
  parameterSets: readonly Uint8Array[] = [],
): PictureFollower | undefined {
  return FORMATS.get(codec)?.follower?.(parameterSets);
}

/** Facts of one RTP payload by itself; a codec that is not known has none. Never throws. */
export function inspectPayload(codec: string, payload: Uint8Array): PayloadFacts {
  return inspectorFor(codec)?.inspect(payload, "next") ?? NO_FACTS;
}

/** What the parameter sets of a codec are like; undefined for one without. */
export function setFormatOf(codec: string): SetFormat | undefined {
  return FORMATS.get(codec)?.sets;
}
