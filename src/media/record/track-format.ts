import {
  av1CodecString,
  av1SampleOf,
  decodeAv1Sequence,
  decodeG711,
  decodeH264Sps,
  decodeH265Sps,
  decodeVp8KeyFrame,
  decodeVp9KeyFrame,
  encodeBase64,
  h264CodecString,
  h265CodecString,
  opusSeconds,
  parseAacFormat,
  type Track,
  vp9CodecString,
} from "../../wire/index.ts";
import type { Container } from "./container.ts";
import {
  encodeAvcConfiguration,
  encodeHevcConfiguration,
  isInstantRefresh,
  lengthPrefixed,
  parameterSetsIn,
  sequenceSetOf,
} from "./nal-samples.ts";

/** Names of codecs, as in media files. Own types: those of the muxer would require the types of browsers. */
type VideoCodec = "avc" | "hevc" | "vp8" | "vp9" | "av1";
type AudioCodec = "opus" | "aac" | "ulaw" | "alaw" | "pcm-s16";

/** The format of a track in a file; frames of the same format can share a file. */
export type TrackFormat =
  | {
      readonly kind: "video";
      readonly codec: VideoCodec;
      /** RFC 6381. */
      readonly codecString: string;
      /** Pixels. */
      readonly width: number;
      readonly height: number;
      /** avcC, hvcC. */
      readonly description: Uint8Array | undefined;
      /** H.264 and H.265: the parameter sets of the description, NAL units. */
      readonly sets: readonly Uint8Array[];
    }
  | {
      readonly kind: "audio";
      readonly codec: AudioCodec;
      readonly codecString: string;
      readonly sampleRate: number;
      readonly channels: number;
      /** OpusHead, AudioSpecificConfig. */
      readonly description: Uint8Array | undefined;
      readonly sets: readonly Uint8Array[];
    };

/** Converts frames of a channel's track to samples of a file. */
export interface TrackFormatter {
  /** The format that begins with a key frame. Undefined when the frame does not contain it. */
  formatOf(keyFrame: Uint8Array): TrackFormat | undefined;
  /** False for a key frame that may be followed by frames that are presented before it and refer to earlier ones. */
  isCleanStart(keyFrame: Uint8Array): boolean;
  /** The sample of a frame in a file of `format`; undefined: none. May be the frame itself. */
  sampleOf(frame: Uint8Array, format: TrackFormat): Uint8Array | undefined;
  /** Duration of a frame, s; undefined: until the next. */
  secondsOf(frame: Uint8Array): number | undefined;
}

/** Codecs that can be recorded, by their names in a description. */
export const RECORDABLE: readonly string[] = [
  ...["h264", "h265", "vp8", "vp9", "av1"],
  ...["opus", "mpeg4-generic", "mp4a-latm", "pcmu", "pcma"],
];

/** The formatter of a described track for a container. Undefined when it cannot be recorded. */
export function formatterFor(track: Track, container: Container): TrackFormatter | undefined {
  switch (track.codec) {
    case "h264":
      return video((frame) => {
        const description = encodeAvcConfiguration(frame);
        const sps = sequenceSetOf(frame, "h264");
        const facts = sps === undefined ? undefined : decodeH264Sps(sps);
        if (sps === undefined || facts === undefined || description === undefined) return undefined;
        const sets = parameterSetsIn(frame, "h264");
        return { ...sized("avc", h264CodecString(sps), facts), description, sets };
      }, "h264");
    case "h265":
      return video((frame) => {
        const description = encodeHevcConfiguration(frame);
        const sps = sequenceSetOf(frame, "h265");
        const facts = sps === undefined ? undefined : decodeH265Sps(sps);
        if (facts === undefined || description === undefined) return undefined;
        const sets = parameterSetsIn(frame, "h265");
        return {
          ...sized("hevc", h265CodecString(facts.profileTierLevel), facts),
          description,
          sets,
        };
      }, "h265");
    case "vp8":
      return video((frame) => {
        const size = decodeVp8KeyFrame(frame);
        return size === undefined ? undefined : sized("vp8", "vp8", size);
      });
    case "vp9":
      return video((frame) => {
        const head = decodeVp9KeyFrame(frame);
        return head === undefined ? undefined : sized("vp9", vp9CodecString(head), head);
      });
    case "av1":
      return {
        ...video((frame) => {
          const head = decodeAv1Sequence(frame);
          return head === undefined ? undefined : sized("av1", av1CodecString(head), head);
        }),
        sampleOf: av1SampleOf,
      };
    default:
      return audioFormatterFor(track, container);
  }
}

/** Whether frames of both formats can be in one track of a file. */
export function isSameFormat(left: TrackFormat, right: TrackFormat): boolean {
  return left === right || keyOf(left) === keyOf(right);
}

/** Whether formats differ by no more than their parameter sets, which can stand among the frames instead. */
export function isSameCoding(left: TrackFormat, right: TrackFormat): boolean {
  if (left.kind !== "video" || right.kind !== "video") return isSameFormat(left, right);
  const isSized = left.width === right.width && left.height === right.height;
  return isSized && left.codecString === right.codecString;
}

function audioFormatterFor(track: Track, container: Container): TrackFormatter | undefined {
  const { clockRate, channels = 1 } = track;
  switch (track.codec) {
    case "opus": {
      const stereo = channels === 1 ? 1 : 2;
      const format = sounding("opus", "opus", 48_000, stereo, opusHead(stereo));
      return audio(format, opusSeconds);
    }
    case "mpeg4-generic":
    case "mp4a-latm": {
      const aac = parseAacFormat(track);
      if (aac === undefined) return undefined;
      const { objectType, outputRate, channels: sounds, bytes } = aac.config;
      if (!AAC_TYPES.includes(objectType)) return undefined;
      const format = sounding("aac", `mp4a.40.${objectType}`, outputRate, sounds, bytes);
      return audio(format, () => aac.unitTicks / clockRate);
    }
    case "pcmu":
    case "pcma": {
      const { codec } = track;
      const law = codec === "pcmu" ? "ulaw" : "alaw";
      const seconds = (frame: Uint8Array): number => frame.byteLength / channels / clockRate;
      if (container === "mov") return audio(sounding(law, law, clockRate, channels), seconds);
      const format = sounding("pcm-s16", "pcm-s16", clockRate, channels);
      const sampleOf = (frame: Uint8Array): Uint8Array =>
        new Uint8Array(decodeG711(frame, codec).buffer);
      return { ...audio(format, seconds), sampleOf };
    }
    default:
      return undefined;
  }
}

/** LC, with SBR, with SBR and PS: the object types that files name. */
const AAC_TYPES = [2, 5, 29];

/** @param family of codecs made of NAL units */
function video(
  formatOf: (keyFrame: Uint8Array) => TrackFormat | undefined,
  family?: "h264" | "h265",
): TrackFormatter {
  const secondsOf = (): undefined => undefined;
  if (family === undefined)
    return { formatOf, sampleOf: (frame) => frame, isCleanStart: () => true, secondsOf };
  return {
    formatOf,
    isCleanStart: (frame) => isInstantRefresh(frame, family),
    sampleOf(frame, { sets }) {
      const sample = lengthPrefixed(frame, family, sets);
      return sample.byteLength === 0 ? undefined : sample;
    },
    secondsOf,
  };
}

function audio(format: TrackFormat, secondsOf: (frame: Uint8Array) => number): TrackFormatter {
  return {
    formatOf: () => format,
    isCleanStart: () => true,
    sampleOf: (frame) => frame,
    secondsOf,
  };
}

function sized(
  codec: VideoCodec,
  codecString: string,
  { width, height }: { readonly width: number; readonly height: number },
): TrackFormat & { readonly kind: "video" } {
  return { kind: "video", codec, codecString, width, height, description: undefined, sets: [] };
}

function sounding(
  codec: AudioCodec,
  codecString: string,
  sampleRate: number,
  channels: number,
  description?: Uint8Array,
): TrackFormat {
  return { kind: "audio", codec, codecString, sampleRate, channels, description, sets: [] };
}

/** The identification header of RFC 7845 §5.1. The pre-skip is 0: a recording begins anywhere in a stream. */
function opusHead(channels: 1 | 2): Uint8Array {
  const head = new Uint8Array(19);
  head.set(new TextEncoder().encode("OpusHead"));
  head.set([1, channels], 8);
  new DataView(head.buffer).setUint32(12, 48_000, true);
  return head;
}

function keyOf(format: TrackFormat): string {
  const { description = new Uint8Array(), sets: _sets, ...rest } = format;
  return `${Object.values(rest).join("/")}/${encodeBase64(description)}`;
}
