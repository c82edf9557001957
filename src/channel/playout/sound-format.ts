import { isAac, opusSeconds, parseAacFormat, type Track } from "../../wire/index.ts";
import type { SoundConfiguration } from "./ports.ts";

/** What a track of sound decodes to. */
export interface SoundFormat {
  readonly configuration: SoundConfiguration;
  /** How long the sound of one chunk lasts, s. */
  secondsOf(bytes: Uint8Array): number;
}

const OPUS_RATE = 48_000;

/**
 * Reads what a description says of a track of sound.
 *
 * @param track of Opus, G.711, or AAC in a form that is known
 */
export function soundFormatOf(
  track: Pick<Track, "codec" | "clockRate" | "channels" | "fmtp">,
): SoundFormat {
  const { channels, clockRate, codec } = track;
  const aac = isAac(codec) ? parseAacFormat(track) : undefined;
  if (aac !== undefined) {
    const { config } = aac;
    return {
      configuration: {
        codec: `mp4a.40.${config.objectType}`,
        sampleRate: config.outputRate,
        numberOfChannels: config.channels,
        description: config.bytes,
      },
      secondsOf: () => config.frameSamples / config.sampleRate,
    };
  }
  if (codec === "opus") {
    return {
      configuration: { codec, sampleRate: OPUS_RATE, numberOfChannels: channels ?? 2 },
      secondsOf: opusSeconds,
    };
  }
  const numberOfChannels = channels ?? 1;
  return {
    configuration: {
      codec: codec === "pcma" ? "alaw" : "ulaw",
      sampleRate: clockRate,
      numberOfChannels,
    },
    secondsOf: (bytes) => Math.floor(bytes.byteLength / numberOfChannels) / clockRate,
  };
}
