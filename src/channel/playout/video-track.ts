import { videoCodecString } from "../../wire/index.ts";
import type { MediaDecoder, Picture, VideoDecoders } from "./ports.ts";
import type { EncodedFrame } from "./track-feed.ts";

/** Events of a {@link VideoTrack}, and what it asks. */
export interface VideoTrackEvents<P extends Picture> {
  /** A picture, in presentation order, with the time of its frame; the handler owns it. */
  onPicture(picture: P, ownMs: number): void;
  /** `codec` (WebCodecs name, or that of the description) cannot be decoded here. No picture follows. */
  onUnsupported(codec: string): void;
  /** Pictures that are not shown yet: decoding pauses while there are many. */
  waitingPictures(): number;
  /** By how much a frame would be shown too late if it were decoded now, ms. */
  lateMs(ownMs: number): number;
}

/** A frame with its time at its source, ms. */
export interface TimedVideo extends EncodedFrame {
  readonly ownMs: number;
}

/** Pictures decoded ahead of their time: enough for any reordering, few enough for decoders with few buffers. */
const AHEAD_MAX = 16;
/** Most frames that wait for the decoder: it is too slow then, and continues at the next key frame. */
const WAITING_MAX = 600;

/** Frames this late, ms, are not decoded if a key frame that arrived after them makes that possible. */
const LATE_MS = 1_000;

/** Decodes the video of one source. After an error it continues at the next key frame. */
export class VideoTrack<P extends Picture> {
  /** Frames dropped before decoding, and those that failed to decode. */
  framesDropped = 0;
  framesDecoded = 0;
  errors = 0;
  /** As WebCodecs names it: `avc1.42e01f`; empty before the first key frame. */
  codecString = "";
  readonly #codec: string;
  readonly #decoders: VideoDecoders<P>;
  readonly #events: VideoTrackEvents<P>;
  #decoder: MediaDecoder<string> | undefined;
  #waiting: TimedVideo[] = [];
  #needsKey = true;
  /** Frames before the next key frame were dropped. */
  #isCut = false;
  /** So it was at the newest key frame: what leads it cannot be decoded. */
  #skipsLeading = false;
  #ended = false;

  /** @param codec its name in a description */
  constructor(options: { codec: string; decoders: VideoDecoders<P> }, events: VideoTrackEvents<P>) {
    this.#decoders = options.decoders;
    this.#codec = options.codec;
    this.#events = events;
  }

  /** Decodes the next frame in decoding order; its bytes are retained and must not change. */
  push(frame: TimedVideo): void {
    if (this.#ended) return;
    if (this.#waiting.length >= WAITING_MAX) {
      this.framesDropped += this.#waiting.length;
      this.#waiting = [];
      this.#needsKey = this.#isCut = true;
    }
    if (this.#needsKey && !frame.key) {
      this.framesDropped++;
      return;
    }
    this.#needsKey = false;
    if (frame.key) this.#skipLate();
    this.#waiting.push(frame);
    this.pump();
  }

  /** Decodes as many frames as there is room for. Call after a picture was shown. */
  pump(): void {
    while (
      !this.#ended &&
      (this.#decoder?.queueLength ?? 0) + this.#events.waitingPictures() < AHEAD_MAX
    ) {
      const frame = this.#waiting.shift();
      if (frame === undefined) return;
      this.#decode(frame);
    }
  }

  /** There are no more frames; those pushed are still decoded. */
  finish(): void {
    const decoder = this.#decoder;
    for (const frame of this.#waiting.splice(0)) this.#decode(frame);
    this.#ended = true;
    this.#decoder = undefined;
    if (decoder === undefined) return;
    void decoder.flush().then(() => decoder.close());
  }

  /** Ends at once. */
  close(): void {
    this.#ended = true;
    this.#waiting = [];
    this.#decoder?.close();
    this.#decoder = undefined;
  }

  #skipLate(): void {
    const oldest = this.#waiting[0];
    if (oldest === undefined || this.#events.lateMs(oldest.ownMs) < LATE_MS) return;
    this.framesDropped += this.#waiting.length;
    this.#waiting = [];
    this.#isCut = true;
  }

  #decode(frame: TimedVideo): void {
    if (frame.key) {
      this.#skipsLeading = this.#isCut;
      this.#isCut = false;
      this.#configure(frame);
    }
    if (this.#decoder === undefined || (frame.leading === true && this.#skipsLeading)) {
      this.framesDropped++;
      return;
    }
    this.#decoder.decode({
      bytes: frame.bytes,
      key: frame.key,
      timestamp: Math.round(frame.ownMs * 1_000),
    });
  }

  /** A key frame may change the parameters: the decoder is configured again when the codec string changes. */
  #configure(frame: EncodedFrame): void {
    const codecString = videoCodecString(this.#codec, frame.bytes) ?? this.codecString;
    if (codecString === "") return;
    if (this.#decoder !== undefined && codecString === this.codecString) return;
    this.codecString = codecString;
    this.#decoder ??= this.#newDecoder();
    this.#decoder.configure(codecString);
  }

  #newDecoder(): MediaDecoder<string> {
    const decoder: MediaDecoder<string> = this.#decoders.openVideo({
      onOutput: (picture) => {
        this.framesDecoded++;
        this.#events.onPicture(picture, picture.timestamp / 1_000);
      },
      onDequeued: () => this.pump(),
      onFailed: (reason) => {
        if (this.#decoder === decoder) this.#failed(reason);
      },
    });
    return decoder;
  }

  #failed(reason: "broken" | "unsupported"): void {
    if (this.#ended) return;
    this.errors++;
    this.framesDropped++;
    this.#decoder = undefined;
    this.#needsKey = this.#isCut = true;
    const key = this.#waiting.findIndex((frame) => frame.key);
    const dropped = this.#waiting.splice(0, key < 0 ? this.#waiting.length : key);
    this.framesDropped += dropped.length;
    if (key >= 0) this.#needsKey = false;
    if (reason === "unsupported") this.#giveUp();
    else void this.#doubt(this.codecString);
  }

  /** Frames of an unsupported codec fail like broken ones before the platform reports the codec. */
  async #doubt(codec: string): Promise<void> {
    const isSupported = await this.#decoders.supportsVideo(codec);
    if (!isSupported && codec === this.codecString) this.#giveUp();
  }

  #giveUp(): void {
    if (this.#ended) return;
    this.close();
    this.#events.onUnsupported(this.codecString);
  }
}
