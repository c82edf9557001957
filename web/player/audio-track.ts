import type { EncodedFrame } from "../../src/channel/playout/index.ts";

/** What an {@link AudioTrack} tells. */
export interface AudioTrackEvents {
  /** Decoded sound in order; owned by the receiver, who closes it. */
  onSound(sound: AudioData, ticks: number): void;
  /** The browser can not decode it. Nothing follows. */
  onUnsupported(codec: string): void;
}

/** Chunks in the decoder. Beyond, it is too slow, and new ones are dropped. */
const QUEUE_MAX = 100;

/** Decodes one source's Opus. */
export class AudioTrack {
  framesDropped = 0;
  errors = 0;
  readonly codecString = "opus";
  readonly #clockRate: number;
  readonly #channels: number;
  readonly #events: AudioTrackEvents;
  #decoder: AudioDecoder | undefined;
  #ended = false;

  constructor(options: { clockRate: number; channels: number }, events: AudioTrackEvents) {
    this.#clockRate = options.clockRate;
    this.#channels = options.channels;
    this.#events = events;
  }

  /** Takes the next packet in order; every one decodes by itself. */
  push(frame: EncodedFrame): void {
    if (this.#ended) return;
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
          timestamp: Math.round((frame.ticks * 1e6) / this.#clockRate),
          data: frame.bytes as Uint8Array<ArrayBuffer>,
        }),
      );
    } catch (error) {
      this.#failed(decoder, error);
    }
  }

  /** Ends at once: what little sound is left is not worth a flush. */
  close(): void {
    this.#ended = true;
    if (this.#decoder !== undefined && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = undefined;
  }

  #newDecoder(): AudioDecoder {
    const decoder: AudioDecoder = new AudioDecoder({
      output: (sound) =>
        this.#events.onSound(sound, Math.round((sound.timestamp * this.#clockRate) / 1e6)),
      error: (error) => this.#failed(decoder, error),
    });
    decoder.configure({
      codec: this.codecString,
      sampleRate: 48_000,
      numberOfChannels: this.#channels,
    });
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
