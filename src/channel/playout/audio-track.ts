import type { Track } from "../../wire/index.ts";
import type { AudioDecoders, MediaDecoder, Sound, SoundConfiguration } from "./ports.ts";
import { type SoundFormat, soundFormatOf } from "./sound-format.ts";
import { SoundTimes } from "./sound-times.ts";
import type { EncodedFrame } from "./track-feed.ts";

/** Events of an {@link AudioTrack}. */
export interface AudioTrackEvents<S extends Sound> {
  /**
   * Decoded sound in order; the handler owns it and must close it.
   *
   * @param ticks media time of its first sample, with fractions
   */
  onSound(sound: S, ticks: number): void;
  /** `codec` (WebCodecs name) cannot be decoded here. No sound follows. */
  onUnsupported(codec: string): void;
}

/** Most chunks in the decoder: it is too slow then, and new ones are dropped. */
const QUEUE_MAX = 100;
/** Most chunks that a decoder has begun with and holds: codecs look ahead by one or two. */
const HELD_MAX = 8;
/** Behind a pause this long what came before means nothing to the codec, and the decoder starts over, s. */
const PAUSE_SECONDS = 0.5;

/** Decodes the sound of one source, and says for each output when it was captured. */
export class AudioTrack<S extends Sound> {
  framesDropped = 0;
  errors = 0;
  readonly #decoders: AudioDecoders<S>;
  readonly #events: AudioTrackEvents<S>;
  readonly #format: SoundFormat;
  readonly #clockRate: number;
  readonly #times: SoundTimes;
  #decoder: MediaDecoder<SoundConfiguration> | undefined;
  /** Where the last chunk ends, ticks. */
  #endTicks: number | undefined;
  #ended = false;

  /** @param track one that is not refused by the decoders */
  constructor(
    track: Pick<Track, "codec" | "clockRate" | "channels" | "fmtp">,
    decoders: AudioDecoders<S>,
    events: AudioTrackEvents<S>,
  ) {
    this.#decoders = decoders;
    this.#events = events;
    this.#format = soundFormatOf(track);
    this.#clockRate = track.clockRate;
    this.#times = new SoundTimes(track.clockRate);
  }

  /** As WebCodecs names it. */
  get codecString(): string {
    return this.#format.configuration.codec;
  }

  /** Of the decoded sound, as far as the description says, Hz. */
  get sampleRate(): number {
    return this.#format.configuration.sampleRate;
  }

  /** Decodes the next packet in order; each decodes by itself. */
  push(frame: EncodedFrame): void {
    if (this.#ended) return;
    const seconds = this.#format.secondsOf(frame.bytes);
    const decoder = this.#decoder ?? this.#openDecoder();
    if (decoder === undefined) return;
    if (seconds <= 0 || decoder.queueLength >= QUEUE_MAX) {
      this.framesDropped++;
      return;
    }
    this.#separate(decoder, frame.ticks);
    this.#endTicks = frame.ticks + seconds * this.#clockRate;
    this.#times.push(frame.ticks, seconds);
    const timestamp = Math.round((frame.ticks * 1e6) / this.#clockRate);
    decoder.decode({ bytes: frame.bytes, key: true, timestamp });
  }

  /** Ends at once, without what the decoder still holds. */
  close(): void {
    this.#ended = true;
    this.#decoder?.close();
    this.#decoder = undefined;
  }

  /** What a decoder holds back must not be taken for what follows a pause. */
  #separate(decoder: MediaDecoder<SoundConfiguration>, ticks: number): void {
    const gap = (ticks - (this.#endTicks ?? ticks)) / this.#clockRate;
    if (Math.abs(gap) < PAUSE_SECONDS) return;
    const { position } = this.#times;
    void decoder.flush().then(() => {
      if (this.#decoder === decoder) this.#times.forgetBefore(position);
    });
  }

  /** Undefined: it failed at once. */
  #openDecoder(): MediaDecoder<SoundConfiguration> | undefined {
    this.#decoder = this.#decoders.openAudio({
      onOutput: (sound) => this.#output(sound),
      onDequeued() {},
      onFailed: (reason) => this.#failed(reason),
    });
    this.#decoder.configure(this.#format.configuration);
    return this.#decoder;
  }

  #output(sound: S): void {
    const ticks = this.#times.take(sound.numberOfFrames / sound.sampleRate);
    this.#times.keepNewest((this.#decoder?.queueLength ?? 0) + HELD_MAX);
    if (ticks === undefined || this.#ended) sound.close();
    else this.#events.onSound(sound, ticks);
  }

  #failed(reason: "broken" | "unsupported"): void {
    if (this.#ended) return;
    this.errors++;
    this.framesDropped += Math.max(1, this.#times.waiting);
    this.#times.clear();
    this.#decoder = undefined;
    if (reason === "broken") return;
    this.close();
    this.#events.onUnsupported(this.codecString);
  }
}
