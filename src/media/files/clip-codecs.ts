import { decodeAacConfig, encodeHex, formatAacParameters, splitAnnexB } from "../../wire/index.ts";
import {
  annexBOf,
  decodeAvcConfiguration,
  decodeHevcConfiguration,
  type NalConfiguration,
} from "./avc-samples.ts";

/** A file's decoder configuration of a track. */
export interface DecoderFacts {
  /** RFC 6381. */
  readonly codec: string;
  readonly description?: Uint8Array | undefined;
  /** Audio only. */
  readonly sampleRate?: number | undefined;
  readonly numberOfChannels?: number | undefined;
}

/** How the samples of a track become frames for RTP. */
export interface ClipCodec {
  readonly kind: "audio" | "video";
  /** Encoding name of RTP. */
  readonly codec: string;
  /** RTP ticks per second. */
  readonly clockRate: number;
  /** Audio only. */
  readonly channels?: number;
  /** For the SDP, without parameter sets. */
  readonly fmtp?: string;
  /** H.264 and H.265: NAL units without start code. */
  readonly parameterSets: readonly Uint8Array[];
  /** The frames of a sample, each with its time relative to the sample's, s. None for a malformed sample. */
  framesOf(sample: Uint8Array, key: boolean): readonly ClipPiece[];
}

/** Why a track of a known codec cannot be published. */
type Unusable = `${string} ${string}`;

interface ClipPiece {
  readonly bytes: Uint8Array;
  readonly afterSeconds: number;
}

/** What can be published, for people. */
export const CLIP_CODECS =
  "H.264, H.265, VP8, VP9 or AV1 video and Opus, AAC or G.711 audio, in MP4, MOV, WebM or Matroska";

const VIDEO_CLOCK = 90_000;
const OPUS_CLOCK = 48_000;
/** G.711 has no frames of its own: RFC 3551 §4.2 recommends packets of 20 ms. */
const PCM_SECONDS = 0.02;
const whole = (sample: Uint8Array): readonly ClipPiece[] => [{ bytes: sample, afterSeconds: 0 }];

/**
 * @param name the codec by the file library's names
 * @returns `"unknown"` for codecs that cannot be published, or else what cannot be used of the track, for people
 */
export function clipCodecOf(
  name: string | null,
  decoder: DecoderFacts,
): ClipCodec | "unknown" | Unusable {
  const video = {
    kind: "video",
    clockRate: VIDEO_CLOCK,
    parameterSets: [],
    framesOf: whole,
  } as const;
  switch (name) {
    case "avc":
      return nalCodec("h264", decoder, decodeAvcConfiguration);
    case "hevc":
      return nalCodec("h265", decoder, decodeHevcConfiguration);
    case "vp8":
      return { ...video, codec: "vp8" };
    case "vp9":
      return { ...video, codec: "vp9", ...fmtp(vp9Parameters(decoder.codec)) };
    case "av1":
      return { ...video, codec: "av1", ...fmtp(av1Parameters(decoder.codec)) };
    case "aac":
      return aacCodec(decoder);
    case "opus": {
      const channels = decoder.numberOfChannels ?? 2;
      // RFC 7587 has mono and stereo; more have a mapping that nothing carries.
      if (channels > 2) return `Opus with ${channels} channels, which RTP does not have`;
      const base = { kind: "audio", codec: "opus", clockRate: OPUS_CLOCK, channels } as const;
      const stereo = fmtp(channels === 2 ? "sprop-stereo=1" : undefined);
      return { ...base, ...stereo, parameterSets: [], framesOf: whole };
    }
    case "ulaw":
      return pcmCodec("pcmu", decoder);
    case "alaw":
      return pcmCodec("pcma", decoder);
    default:
      return "unknown";
  }
}

function nalCodec(
  codec: "h264" | "h265",
  { description }: DecoderFacts,
  decode: (record: Uint8Array) => NalConfiguration | undefined,
): ClipCodec | Unusable {
  const base = { kind: "video", codec, clockRate: VIDEO_CLOCK } as const;
  // Without a record the samples are already in Annex B form.
  if (description === undefined) return { ...base, parameterSets: [], framesOf: whole };
  const configuration = decode(description);
  if (configuration === undefined) return `${codec} with a configuration that cannot be read`;
  const { lengthBytes, parameterSets } = configuration;
  return {
    ...base,
    ...fmtp(codec === "h264" ? h264Parameters(parameterSets[0]) : undefined),
    parameterSets,
    framesOf(sample, key) {
      const bytes = annexBOf(sample, lengthBytes, key ? parameterSets : []);
      return bytes === undefined || splitAnnexB(bytes).length === 0 ? [] : whole(bytes);
    },
  };
}

function aacCodec({ description }: DecoderFacts): ClipCodec | Unusable {
  const config = description && decodeAacConfig(description);
  if (config === undefined) return "aac with a configuration that cannot be read";
  return {
    kind: "audio",
    codec: "mpeg4-generic",
    clockRate: config.outputRate,
    channels: config.channels,
    fmtp: formatAacParameters(config.bytes),
    parameterSets: [],
    framesOf: whole,
  };
}

function pcmCodec(codec: "pcmu" | "pcma", decoder: DecoderFacts): ClipCodec | Unusable {
  const { numberOfChannels: channels = 1, sampleRate: clockRate } = decoder;
  if (clockRate === undefined || clockRate < 1) return `${codec} without a sample rate`;
  const bytesPerFrame = Math.max(1, Math.round(clockRate * PCM_SECONDS)) * channels;
  return {
    kind: "audio",
    codec,
    clockRate,
    channels,
    parameterSets: [],
    framesOf: (sample) =>
      Array.from({ length: Math.ceil(sample.byteLength / bytesPerFrame) }, (_, index) => ({
        bytes: sample.subarray(index * bytesPerFrame, (index + 1) * bytesPerFrame),
        afterSeconds: (index * bytesPerFrame) / channels / clockRate,
      })),
  };
}

/** RFC 6184 §8.1: profile, constraints and level, as in the sequence parameter set. */
function h264Parameters(sps: Uint8Array | undefined): string | undefined {
  if (sps === undefined) return undefined;
  return `packetization-mode=1;profile-level-id=${encodeHex(sps.subarray(1, 4))}`;
}

/** RFC 9628 §6.1. */
function vp9Parameters(codecString: string): string | undefined {
  const profile = /^vp09\.0(\d)\./.exec(codecString)?.[1];
  return profile && `profile-id=${profile}`;
}

/** RTP Payload Format For AV1 §7.1. */
function av1Parameters(codecString: string): string | undefined {
  const [, profile, level, tier] = /^av01\.(\d)\.(\d\d)([MH])/.exec(codecString) ?? [];
  return profile && `profile=${profile};level-idx=${Number(level)};tier=${tier === "H" ? 1 : 0}`;
}

function fmtp(text: string | undefined): { readonly fmtp?: string } {
  return text ? { fmtp: text } : {};
}
