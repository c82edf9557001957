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
   * @param ownMs when its first sample was captured, in the time of its source, ms
   */
  onSound(sound: S, ownMs: number): void;
  /** `codec` (WebCodecs name) cannot be decoded here. No sound follows. */
  onUnsupported(codec: string): void;
}

/** Most chunks in the decoder: it is too slow then, and new ones are dropped. */
const QUEUE_MAX = 100;
/** Most chunks that a decoder has begun with and holds: codecs look ahead by one or two. */
const HELD_MAX = 8;
/** Behind a pause this long what came before means nothing to the codec, and the decoder starts over, ms. */
const PAUSE_MS = 500;

/** Decodes the sound of one source, and says for each output when it was captured. */
export class AudioTrack<S extends Sound> {
  framesDropped = 0;
  errors = 0;
  readonly #decoders: AudioDecoders<S>;
  readonly #events: AudioTrackEvents<S>;
  readonly #format: SoundFormat;
  readonly #times = new SoundTimes();
  #decoder: MediaDecoder<SoundConfiguration> | undefined;
  /** Where the last chunk ends, ms of the source's time. */
  #endMs: number | undefined;
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
  }

  /** As WebCodecs names it. */
  get codecString(): string {
    return this.#format.configuration.codec;
  }

  /** Of the decoded sound, as far as the description says, Hz. */
  get sampleRate(): number {
    return this.#format.configuration.sampleRate;
  }

  /** Decodes the next packet in order; each decodes by itself. @param ownMs its time at its source, ms */
  push(frame: EncodedFrame, ownMs: number): void {
    if (this.#ended) return;
    const seconds = this.#format.secondsOf(frame.bytes);
    const decoder = this.#decoder ?? this.#openDecoder();
    if (decoder === undefined) return;
    if (seconds <= 0 || decoder.queueLength >= QUEUE_MAX) {
      this.framesDropped++;
      return;
    }
    this.#separate(decoder, ownMs);
    this.#endMs = ownMs + seconds * 1_000;
    this.#times.push(ownMs, seconds);
    const timestamp = Math.round(ownMs * 1_000);
    decoder.decode({ bytes: frame.bytes, key: true, timestamp });
  }

  /** Ends at once, without what the decoder still holds. */
  close(): void {
    this.#ended = true;
    this.#decoder?.close();
    this.#decoder = undefined;
  }

  /** What a decoder holds back must not be taken for what follows a pause. */
  #separate(decoder: MediaDecoder<SoundConfiguration>, ownMs: number): void {
    if (Math.abs(ownMs - (this.#endMs ?? ownMs)) < PAUSE_MS) return;
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
    const ownMs = this.#times.take(sound.numberOfFrames / sound.sampleRate);
    this.#times.keepNewest((this.#decoder?.queueLength ?? 0) + HELD_MAX);
    if (ownMs === undefined || this.#ended) sound.close();
    else this.#events.onSound(sound, ownMs);
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
