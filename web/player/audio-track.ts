import type { EncodedFrame } from "../../src/channel/playout/index.ts";
import { decodeG711, isAac, parseAacFormat, type Track } from "../../src/wire/index.ts";

/** Events of an {@link AudioTrack}. */
export interface AudioTrackEvents {
  /** Decoded sound in order; the handler owns it and must close it. */
  onSound(sound: AudioData, ticks: number): void;
  /** The browser cannot decode `codec` (WebCodecs name). No sound follows. */
  onUnsupported(codec: string): void;
}

/** Most chunks in the decoder: it is too slow then, and new ones are dropped. */
const QUEUE_MAX = 100;
const OPUS_RATE = 48_000;

/** Decodes the sound of one source: G.711 here, other codecs by the browser. */
export class AudioTrack {
  framesDropped = 0;
  errors = 0;
  /** As WebCodecs names it. */
  readonly codecString: string;
  /** Of the decoded sound, as far as the description says, Hz. */
  readonly sampleRate: number;
  readonly #law: "pcmu" | "pcma" | undefined;
  readonly #clockRate: number;
  readonly #configuration: AudioDecoderConfig;
  readonly #events: AudioTrackEvents;
  #decoder: AudioDecoder | undefined;
  #ended = false;

  /** @param track one for which `refusalOf` returns undefined */
  constructor(
    track: Pick<Track, "codec" | "clockRate" | "channels" | "fmtp">,
    events: AudioTrackEvents,
  ) {
    const { clockRate, codec } = track;
    this.#law = codec === "pcmu" || codec === "pcma" ? codec : undefined;
    this.#clockRate = clockRate;
    this.#configuration = configurationOf(track);
    this.codecString = this.#configuration.codec;
    this.sampleRate = this.#configuration.sampleRate;
    this.#events = events;
  }

  /** Decodes the next packet in order; each decodes by itself. */
  push(frame: EncodedFrame): void {
    if (this.#ended) return;
    if (this.#law !== undefined) {
      this.#expand(frame, this.#law);
      return;
    }
    this.#decoder ??= this.#newDecoder();
    const decoder = this.#decoder;
    if (decoder.decodeQueueSize >= QUEUE_MAX) {
      this.framesDropped++;
      return;
    }
    try {
      decoder.decode(
        new EncodedAudioChunk({
          type: "key",
          timestamp: this.#microseconds(frame),
          data: frame.bytes as Uint8Array<ArrayBuffer>,
        }),
      );
    } catch (error) {
      this.#failed(decoder, error);
    }
  }

  /** Ends at once, without what the decoder still holds. */
  close(): void {
    this.#ended = true;
    if (this.#decoder !== undefined && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = undefined;
  }

  #expand(frame: EncodedFrame, law: "pcmu" | "pcma"): void {
    const { numberOfChannels, sampleRate } = this.#configuration;
    const numberOfFrames = Math.floor(frame.bytes.byteLength / numberOfChannels);
    if (numberOfFrames === 0) {
      this.framesDropped++;
      return;
    }
    const sound = new AudioData({
      format: "s16",
      sampleRate,
      numberOfChannels,
      numberOfFrames,
      timestamp: this.#microseconds(frame),
      data: decodeG711(frame.bytes.subarray(0, numberOfFrames * numberOfChannels), law),
    });
    this.#events.onSound(sound, frame.ticks);
  }

  #microseconds({ ticks }: EncodedFrame): number {
    return Math.round((ticks * 1e6) / this.#clockRate);
  }

  #newDecoder(): AudioDecoder {
    const decoder: AudioDecoder = new AudioDecoder({
      output: (sound) =>
        this.#events.onSound(sound, Math.round((sound.timestamp * this.#clockRate) / 1e6)),
      error: (error) => this.#failed(decoder, error),
    });
    decoder.configure(this.#configuration);
    return decoder;
  }

  #failed(decoder: AudioDecoder, error: unknown): void {
    if (this.#ended || this.#decoder !== decoder) return;
    this.errors++;
    this.framesDropped++;
    if (decoder.state !== "closed") decoder.close();
    this.#decoder = undefined;
    if (error instanceof DOMException && error.name === "NotSupportedError") {
      this.close();
      this.#events.onUnsupported(this.codecString);
    }
  }
}

function configurationOf(
  track: Pick<Track, "codec" | "clockRate" | "channels" | "fmtp">,
): AudioDecoderConfig {
  const { channels, clockRate, codec } = track;
  const aac = isAac(codec) ? parseAacFormat(track)?.config : undefined;
  if (aac !== undefined) {
    return {
      codec: `mp4a.40.${aac.objectType}`,
      sampleRate: aac.outputRate,
      numberOfChannels: aac.channels,
      description: aac.bytes as Uint8Array<ArrayBuffer>,
    };
  }
  if (codec === "opus") {
    return { codec, sampleRate: OPUS_RATE, numberOfChannels: channels ?? 2 };
  }
  const law = codec === "pcma" ? "alaw" : "ulaw";
  return { codec: law, sampleRate: clockRate, numberOfChannels: channels ?? 1 };
}
