import type { Connection } from "../../stack/index.ts";
import type { Track } from "../../wire/index.ts";

/** A decoded picture, which holds memory outside the heap until it is closed. WebCodecs' `VideoFrame` is one. */
export interface Picture {
  /** That of the chunk which it was decoded from, µs. */
  readonly timestamp: number;
  /** Size in square pixels. */
  readonly displayWidth: number;
  readonly displayHeight: number;
  close(): void;
}

/** Decoded sound, which holds memory outside the heap until it is closed. WebCodecs' `AudioData` is one. */
export interface Sound {
  /** Samples of each channel, > 0. */
  readonly numberOfFrames: number;
  /** Hz. */
  readonly sampleRate: number;
  close(): void;
}

/** A media frame as a decoder is given it. */
export interface EncodedChunk {
  /** Retained: never modify it. */
  readonly bytes: Uint8Array;
  /** True: it refers to no chunk before it. */
  readonly key: boolean;
  /** Media time, µs, whole. */
  readonly timestamp: number;
}

/** How sound is encoded; the names are those of WebCodecs. */
export interface SoundConfiguration {
  readonly codec: string;
  /** Of the decoded sound, as far as is known before it is decoded, Hz. */
  readonly sampleRate: number;
  readonly numberOfChannels: number;
  /** Out-of-band configuration of the codec, such as AAC's AudioSpecificConfig. */
  readonly description?: Uint8Array | undefined;
}

/** Events of a {@link MediaDecoder}. There are none after `onFailed`, and none after it was closed. */
export interface DecoderEvents<Output> {
  /**
   * Decoded media; the handler owns it.
   *
   * Pictures come in presentation order with the timestamp of their chunk. Sound comes in order, but nothing says which
   * chunk it was decoded from: a decoder may hold sound back, and may make several outputs of one chunk or one of
   * several. WebCodecs' timestamps of sound are of no use, because they count samples from the first chunk on, whatever
   * the timestamps of the others.
   */
  onOutput(output: Output): void;
  /** {@link MediaDecoder.queueLength} became less. */
  onDequeued(): void;
  /** It is closed: a chunk is broken, or the codec cannot be decoded at all. */
  onFailed(reason: "broken" | "unsupported"): void;
}

/** Decodes the chunks of one source, in order, at its own pace. It throws nothing: failures are events. */
export interface MediaDecoder<Configuration> {
  /** Chunks that it has not begun with. */
  readonly queueLength: number;
  /** Chunks from now on are decoded like this; the first of them must be a key chunk. */
  configure(configuration: Configuration): void;
  decode(chunk: EncodedChunk): void;
  /**
   * Outputs all that was handed in; the next chunk must be a key chunk. Settles before that one is decoded, also when
   * the decoder fails or is closed.
   */
  flush(): Promise<void>;
  /** Ends at once. Idempotent. */
  close(): void;
}

/** What a platform can do about video. */
export interface VideoDecoders<P extends Picture> {
  /** Configured with the name of a codec in WebCodecs: `avc1.42e01f`. */
  openVideo(events: DecoderEvents<P>): MediaDecoder<string>;
  /** Whether video of this name can be decoded; decoders report that late. */
  supportsVideo(codecString: string): Promise<boolean>;
}

/** What a platform can do about sound. */
export interface AudioDecoders<S extends Sound> {
  openAudio(events: DecoderEvents<S>): MediaDecoder<SoundConfiguration>;
}

/** What a platform can decode, and how it says what it cannot. */
export interface MediaDecoders<P extends Picture, S extends Sound>
  extends VideoDecoders<P>,
    AudioDecoders<S> {
  /** Why a track of audio or video cannot be played here, for people, as far as its description says. */
  refusalOf(track: Track): string | undefined;
  /** Says for people that a codec cannot be decoded here. @param codecString its name in WebCodecs */
  missing(codec: string, codecString: string): string;
}

/** A device that plays sound by its own clock, which drifts against ours, and is read in steps of its buffer. */
export interface SoundOutput<S extends Sound> {
  /** From the device's clock to the ear, ms; undefined while no sound can be played. */
  readonly latencyMs: number | undefined;
  /** Its clock, s. */
  readonly now: number;
  /** Rises when all that was started is void, and the clock is another one. */
  readonly generation: number;
  /** Root mean square of what plays now, 0..1, before muting. */
  readonly level: number;
  /** Makes it ready for sound of this many samples per second; may block for a moment the first time. */
  prepare(sampleRate: number): void;
  /** Plays `sound`, which it owns from now on, at `at` (s of its clock, not past). */
  start(sound: S, at: number): void;
  /** Cancels what was started, from `at` (s of its clock) on. */
  silenceFrom(at: number): void;
}

/** All that a {@link Playback} needs of the platform that it runs on. */
export interface PlaybackPorts<P extends Picture, S extends Sound> {
  /** Opens a connection to the site at a WebSocket address; rejects when that fails. */
  dial(url: string): Promise<Connection>;
  readonly decoders: MediaDecoders<P, S>;
  /** Stays the caller's. */
  readonly output: SoundOutput<S>;
}
