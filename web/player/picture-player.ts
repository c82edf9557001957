import {
  type EncodedFrame,
  FrameQueue,
  type MediaTimeline,
  type PlayoutClock,
  PresentationLog,
  RateMeter,
  type SourceTimeline,
  type TimedFrame,
} from "../../src/channel/playout/index.ts";
import { noDecoder } from "./capability.ts";
import { VideoTrack } from "./video-track.ts";

/** A decoded picture that waits for its time. */
interface Picture extends TimedFrame {
  readonly image: VideoFrame;
  /** When it entered the network, ms of the ingest's clock; undefined until reported. */
  readonly ingestMs: number | undefined;
}

/** What was shown. */
export interface Presented {
  readonly mediaMs: number;
  readonly ingestMs: number | undefined;
}

/** Pictures held decoded. More than are decoded ahead, because a decoder may put out several at once. */
const PICTURES_MAX = 32;
/** A short stall is caught up picture by picture when there is time for that; beyond this delay, ms, by leaving out. */
const CATCH_UP_MS_MAX = 500;
/** The same when pictures come as fast as the screen shows them. */
const CATCH_UP_MS_TIGHT = 100;
/** Catching up needs the screen to be this much faster than the pictures. */
const CATCH_UP_RATIO = 1.25;
const SMOOTHING = 0.1;

/** Decodes video and shows each picture when it is due. */
export class PicturePlayer {
  readonly log = new PresentationLog();
  readonly rate = new RateMeter(2_000);
  width = 0;
  height = 0;
  /** By how much pictures are shown after their media time, ms, smoothed; undefined before the first. */
  shownOffsetMs: number | undefined;
  readonly #timeline: MediaTimeline;
  readonly #clock: PlayoutClock;
  readonly #onUnsupported: (message: string) => void;
  readonly #onReady: () => void;
  readonly #now: () => number;
  readonly #queue = new FrameQueue<Picture>(PICTURES_MAX);
  #track: VideoTrack | undefined;
  readonly #past = { framesDecoded: 0, framesDropped: 0, errors: 0 };
  #skippedBeforeLive = 0;
  #live = false;
  #tickedAt: number | undefined;
  #tickMs = 1000 / 60;

  /**
   * @param options `now` ms, monotonic; `onReady` after each picture that was decoded
   */
  constructor(options: {
    readonly timeline: MediaTimeline;
    readonly clock: PlayoutClock;
    readonly now: () => number;
    readonly onUnsupported: (message: string) => void;
    readonly onReady: () => void;
  }) {
    this.#timeline = options.timeline;
    this.#clock = options.clock;
    this.#now = options.now;
    this.#onUnsupported = options.onUnsupported;
    this.#onReady = options.onReady;
  }

  get framesDecoded(): number {
    return this.#past.framesDecoded + (this.#track?.framesDecoded ?? 0);
  }

  /** Frames that were not decoded, or not shown although the picture was live. */
  get framesDropped(): number {
    const skipped = this.#live ? this.#queue.skipped - this.#skippedBeforeLive : 0;
    return this.#past.framesDropped + (this.#track?.framesDropped ?? 0) + skipped;
  }

  get decodeErrors(): number {
    return this.#past.errors + (this.#track?.errors ?? 0);
  }

  get codecString(): string {
    return this.#track?.codecString ?? "";
  }

  /** Goes over to another source; what the one before still has is shown. */
  start(codec: string, source: SourceTimeline): void {
    this.#retire();
    let orderOffset: number | undefined;
    this.#track = new VideoTrack(
      { codec, clockRate: source.clockRate },
      {
        onUnsupported: (codecString) => this.#onUnsupported(noDecoder(codec, codecString)),
        waitingPictures: () => this.#queue.count,
        onPicture: (image, ticks) => {
          const mediaMs = this.#timeline.mediaMsOf(source, ticks);
          if (mediaMs === undefined) {
            image.close();
            return;
          }
          orderOffset ??= mediaMs - source.msOf(ticks);
          this.#clock.ready("video", mediaMs, this.#now());
          this.#queue.push({
            image,
            mediaMs,
            orderMs: source.msOf(ticks) + orderOffset,
            ingestMs: source.ingestMsOf(ticks),
            close: () => image.close(),
          });
          this.#onReady();
        },
      },
    );
  }

  /** Takes the next frame of the source that was started, in decoding order. */
  push(frame: EncodedFrame): void {
    this.#track?.push(frame);
  }

  /** Shows the picture that is due now, if one is. `draw` borrows the image. */
  present(nowMs: number, draw: (image: VideoFrame) => void): Presented | undefined {
    this.#measureTick(nowMs);
    const picture = this.#queue.take(
      nowMs,
      (mediaMs) => this.#clock.playAt(mediaMs) ?? nowMs,
      this.#lateMsMax(),
    );
    if (picture === undefined) return undefined;
    const { image, mediaMs, ingestMs } = picture;
    draw(image);
    this.width = image.displayWidth;
    this.height = image.displayHeight;
    picture.close();
    this.log.presented(nowMs, mediaMs);
    this.rate.add(1, nowMs);
    const offset = nowMs - mediaMs;
    this.shownOffsetMs ??= offset;
    this.shownOffsetMs += (offset - this.shownOffsetMs) * SMOOTHING;
    this.#judgeLive(nowMs, mediaMs);
    this.#track?.pump();
    return { mediaMs, ingestMs };
  }

  /** Media time starts again: what waits belongs to the past. */
  clear(): void {
    this.#queue.clear();
    this.shownOffsetMs = undefined;
  }

  /**
   * Continues with what is live, as for a newcomer: pictures that are late are skipped, and do not count as dropped.
   */
  rejoin(): void {
    this.log.interrupt();
    if (!this.#live) return;
    this.#past.framesDropped += this.#queue.skipped - this.#skippedBeforeLive;
    this.#live = false;
  }

  close(): void {
    this.#track?.close();
    this.#track = undefined;
    this.#queue.clear();
  }

  /** No video any more. */
  stop(): void {
    this.#retire();
    this.shownOffsetMs = undefined;
  }

  #retire(): void {
    const track = this.#track;
    if (track === undefined) return;
    this.#past.framesDecoded += track.framesDecoded;
    this.#past.framesDropped += track.framesDropped;
    this.#past.errors += track.errors;
    track.finish();
    this.#track = undefined;
  }

  #measureTick(nowMs: number): void {
    const tickMs = nowMs - (this.#tickedAt ?? nowMs - this.#tickMs);
    this.#tickedAt = nowMs;
    this.#tickMs += (Math.min(tickMs, CATCH_UP_MS_TIGHT) - this.#tickMs) * SMOOTHING;
  }

  #lateMsMax(): number {
    // A newcomer wants what is live, not a fast-forward to it.
    if (!this.#live) return 0;
    const spare = this.log.frameIntervalMs > this.#tickMs * CATCH_UP_RATIO;
    return spare ? CATCH_UP_MS_MAX : CATCH_UP_MS_TIGHT;
  }

  #judgeLive(nowMs: number, mediaMs: number): void {
    if (this.#live || !this.#clock.settled(nowMs)) return;
    const lateMs = nowMs - (this.#clock.playAt(mediaMs) ?? nowMs);
    if (lateMs > this.log.frameIntervalMs) return;
    this.#live = true;
    this.#skippedBeforeLive = this.#queue.skipped;
  }
}
