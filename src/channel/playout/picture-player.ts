import { FrameQueue, type TimedFrame } from "./frame-queue.ts";
import type { MediaTimeline } from "./media-timeline.ts";
import type { PlayoutClock } from "./playout-clock.ts";
import type { MediaDecoders, Picture, VideoDecoders } from "./ports.ts";
import { PresentationLog } from "./presentation-log.ts";
import { RateMeter } from "./rate-meter.ts";
import type { SourceTimeline } from "./source-timeline.ts";
import type { EncodedFrame } from "./track-feed.ts";
import { VideoTrack } from "./video-track.ts";

/** A decoded picture that is not due yet. */
interface WaitingPicture<P> extends TimedFrame {
  readonly image: P;
  /** When it entered the network, ms of the ingest's clock; undefined until reported. */
  readonly ingestMs: number | undefined;
}

/** What was shown. */
export interface Presented {
  readonly mediaMs: number;
  readonly ingestMs: number | undefined;
}

/** Most decoded pictures held: more than are decoded ahead, because a decoder may output several at once. */
const PICTURES_MAX = 32;
/** After a short stall every picture is shown, faster than usual; beyond this delay, ms, pictures are skipped. */
const CATCH_UP_MS_MAX = 500;
/** The same where the screen shows no more pictures than there are. */
const CATCH_UP_MS_TIGHT = 100;
/** Showing every picture requires that the screen is this much faster than they come. */
const CATCH_UP_RATIO = 1.25;
const SMOOTHING = 0.1;
/** Pictures with the same timestamp differ by this, ms. */
const ORDER_STEP_MS = 0.001;

type Decoders<P extends Picture> = VideoDecoders<P> & Pick<MediaDecoders<P, never>, "missing">;

/** Decodes video and shows each picture when it is due. */
export class PicturePlayer<P extends Picture> {
  readonly log = new PresentationLog();
  readonly rate = new RateMeter(2_000);
  width = 0;
  height = 0;
  /** Local time minus media time at which pictures are shown, ms, smoothed; undefined before the first. */
  shownOffsetMs: number | undefined;
  readonly #decoders: Decoders<P>;
  readonly #timeline: MediaTimeline;
  readonly #clock: PlayoutClock;
  readonly #onUnsupported: (message: string) => void;
  readonly #onReady: () => void;
  readonly #now: () => number;
  readonly #queue = new FrameQueue<WaitingPicture<P>>(PICTURES_MAX);
  #track: VideoTrack<P> | undefined;
  #runs = 0;
  readonly #past = { framesDecoded: 0, framesDropped: 0, errors: 0 };
  #skippedBeforeLive = 0;
  #live = false;
  #tickedAt: number | undefined;
  #tickMs = 1000 / 60;

  /**
   * @param options `now` ms, monotonic; `onReady` after each picture that was decoded
   */
  constructor(options: {
    readonly decoders: Decoders<P>;
    readonly timeline: MediaTimeline;
    readonly clock: PlayoutClock;
    readonly now: () => number;
    readonly onUnsupported: (message: string) => void;
    readonly onReady: () => void;
  }) {
    this.#decoders = options.decoders;
    this.#timeline = options.timeline;
    this.#clock = options.clock;
    this.#now = options.now;
    this.#onUnsupported = options.onUnsupported;
    this.#onReady = options.onReady;
  }

  get framesDecoded(): number {
    return this.#past.framesDecoded + (this.#track?.framesDecoded ?? 0);
  }

  /** Frames that were not decoded, and, since the picture is live, those not shown. */
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

  /** Switches to another source; pictures of the former one that are decoded are still shown. */
  start(codec: string, source: SourceTimeline): void {
    this.#retire();
    const run = this.#runs++;
    let orderOffset: number | undefined;
    let order = Number.NEGATIVE_INFINITY;
    this.#track = new VideoTrack(
      { codec, decoders: this.#decoders },
      {
        onUnsupported: (codecString) =>
          this.#onUnsupported(this.#decoders.missing(codec, codecString)),
        waitingPictures: () => this.#queue.count,
        lateMs: (ownMs) => {
          const mediaMs = this.#timeline.mediaMsOf(source, ownMs) ?? 0;
          return this.#now() - (this.#clock.playAt("video", mediaMs) ?? this.#now());
        },
        onPicture: (image, ownMs) => {
          const mediaMs = this.#timeline.mediaMsOf(source, ownMs);
          if (mediaMs === undefined) {
            image.close();
            return;
          }
          orderOffset ??= mediaMs - ownMs;
          // Decoders output in the order of presentation, whatever a timestamp says.
          order = Math.max(order + ORDER_STEP_MS, ownMs + orderOffset);
          this.#clock.ready("video", mediaMs, this.#now());
          const timeline = this.#timeline;
          this.#queue.push({
            image,
            run,
            // Those that wait move with their track: it may learn only now how it relates to the others.
            get mediaMs() {
              return timeline.mediaMsOf(source, ownMs) ?? mediaMs;
            },
            orderMs: order,
            ingestMs: this.#timeline.ingestMsOf(source, ownMs),
            close: () => image.close(),
          });
          this.#onReady();
        },
      },
    );
  }

  /** Decodes the next frame of the source that was started, in decoding order. @param ownMs its time there, ms */
  push(frame: EncodedFrame, ownMs: number): void {
    this.#track?.push({ ...frame, ownMs });
  }

  /** Shows the picture that is due now, if there is one. `draw` must not keep the image. */
  present(nowMs: number, draw: (image: P) => void): Presented | undefined {
    this.#measureTick(nowMs);
    const picture = this.#queue.take(
      nowMs,
      (mediaMs) => this.#clock.playAt("video", mediaMs) ?? nowMs,
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

  /** Continues live, as after connecting: late pictures are skipped without being counted as dropped. */
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

  /** There is no more video. */
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
    // After connecting, a viewer wants to see what is live, not a fast-forward to it.
    if (!this.#live) return 0;
    const spare = this.log.frameIntervalMs > this.#tickMs * CATCH_UP_RATIO;
    return spare ? CATCH_UP_MS_MAX : CATCH_UP_MS_TIGHT;
  }

  #judgeLive(nowMs: number, mediaMs: number): void {
    if (this.#live || !this.#clock.settled(nowMs, "video")) return;
    const lateMs = nowMs - (this.#clock.playAt("video", mediaMs) ?? nowMs);
    if (lateMs > this.log.frameIntervalMs) return;
    this.#live = true;
    this.#skippedBeforeLive = this.#queue.skipped;
  }
}
