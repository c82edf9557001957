import type { EncodedFrame } from "../../src/channel/playout/index.ts";
import { videoCodecString } from "../../src/wire/index.ts";

/** What a {@link VideoTrack} tells, and asks. */
export interface VideoTrackEvents {
  /** A picture, in presentation order; owned by the receiver. */
  onPicture(picture: VideoFrame, ticks: number): void;
  /** The browser can not decode `codec` (WebCodecs name, or the description's). Nothing follows. */
  onUnsupported(codec: string): void;
  /** Pictures that wait to be shown: decoding pauses while there are many. */
  waitingPictures(): number;
}

/** Pictures decoded ahead of their time: enough for any reordering, few enough for decoders with few buffers. */
const AHEAD_MAX = 16;
/** Frames that wait for the decoder. Beyond, it is too slow, and the picture starts again at a key frame. */
const WAITING_MAX = 600;

/** Decodes one source's video. After an error it restarts at the next key frame. */
export class VideoTrack {
  /** Frames given up before decoding, and those the decoder failed on. */
  framesDropped = 0;
  framesDecoded = 0;
  errors = 0;
  /** As WebCodecs names it: `avc1.42e01f`; empty before the first key frame. */
  codecString = "";
  readonly #codec: string;
  readonly #clockRate: number;
  readonly #events: VideoTrackEvents;
  #decoder: VideoDecoder | undefined;
  #waiting: EncodedFrame[] = [];
  #needsKey = true;
  #ended = false;

  /** @param codec as a description names it */
  constructor(options: { codec: string; clockRate: number }, events: VideoTrackEvents) {
    this.#codec = options.codec;
    this.#clockRate = options.clockRate;
    this.#events = events;
  }

  /** Takes the next frame in decoding order; borrowed for ever. */
  push(frame: EncodedFrame): void {
    if (this.#ended) return;
    if (this.#waiting.length >= WAITING_MAX) {
      this.framesDropped += this.#waiting.length;
      this.#waiting = [];
      this.#needsKey = true;
    }
    if (this.#needsKey && !frame.key) {
      this.framesDropped++;
      return;
    }
    this.#needsKey = false;
    this.#waiting.push(frame);
    this.pump();
  }

  /** Decodes what there is room for. Call after a picture was taken. */
  pump(): void {
    while (
      !this.#ended &&
      (this.#decoder?.decodeQueueSize ?? 0) + this.#events.waitingPictures() < AHEAD_MAX
    ) {
      const frame = this.#waiting.shift();
      if (frame === undefined) return;
      this.#decode(frame);
    }
  }

  /** No more frames: what was pushed still comes out. */
  finish(): void {
    const decoder = this.#decoder;
    for (const frame of this.#waiting.splice(0)) this.#decode(frame);
    this.#ended = true;
    this.#decoder = undefined;
    if (decoder?.state !== "configured") return;
    const close = (): void => {
      if (decoder.state !== "closed") decoder.close();
    };
    decoder.flush().then(close, close);
  }

  /** Ends at once. */
  close(): void {
    this.#ended = true;
    this.#waiting = [];
    if (this.#decoder !== undefined && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = undefined;
  }

  #decode(frame: EncodedFrame): void {
    if (frame.key) this.#configure(frame);
    const decoder = this.#decoder;
    if (decoder?.state !== "configured") {
      this.framesDropped++;
      return;
    }
    try {
      decoder.decode(
        new EncodedVideoChunk({
          type: frame.key ? "key" : "delta",
          timestamp: Math.round((frame.ticks * 1e6) / this.#clockRate),
          data: frame.bytes as Uint8Array<ArrayBuffer>,
        }),
      );
    } catch (error) {
      this.#failed(decoder, error);
    }
  }

  /** Key frames may bring other parameters: the decoder is set up again when its codec string changes. */
  #configure(frame: EncodedFrame): void {
    const codecString = videoCodecString(this.#codec, frame.bytes) ?? this.codecString;
    if (this.#decoder?.state === "configured" && codecString === this.codecString) return;
    if (codecString === "") return;
    this.codecString = codecString;
    const decoder = this.#decoder ?? this.#newDecoder();
    this.#decoder = decoder;
    try {
      decoder.configure({ codec: codecString, optimizeForLatency: true });
    } catch (error) {
      this.#failed(decoder, error);
    }
  }

  #newDecoder(): VideoDecoder {
    const decoder: VideoDecoder = new VideoDecoder({
      output: (picture) => {
        this.framesDecoded++;
        this.#events.onPicture(picture, Math.round((picture.timestamp * this.#clockRate) / 1e6));
      },
      error: (error) => this.#failed(decoder, error),
    });
    decoder.ondequeue = () => this.pump();
    return decoder;
  }

  #failed(decoder: VideoDecoder, error: unknown): void {
    if (this.#ended || this.#decoder !== decoder) return;
    this.errors++;
    this.framesDropped++;
    if (decoder.state !== "closed") decoder.close();
    this.#decoder = undefined;
    this.#needsKey = true;
    const key = this.#waiting.findIndex((frame) => frame.key);
    const dropped = this.#waiting.splice(0, key < 0 ? this.#waiting.length : key);
    this.framesDropped += dropped.length;
    if (key >= 0) this.#needsKey = false;
    if (error instanceof DOMException && error.name === "NotSupportedError") this.#giveUp();
    else void this.#doubt(this.codecString);
  }

  /** Frames of a codec that the browser does not know fail before it says so: as if they were broken. */
  async #doubt(codec: string): Promise<void> {
    const answer = await VideoDecoder.isConfigSupported({ codec }).catch(() => undefined);
    if (answer?.supported !== true && codec === this.codecString) this.#giveUp();
  }

  #giveUp(): void {
    if (this.#ended) return;
    this.close();
    this.#events.onUnsupported(this.codecString);
  }
}
