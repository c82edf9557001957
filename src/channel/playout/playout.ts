import type { Clock } from "../../base/index.ts";
import type { Description, Track } from "../../wire/index.ts";
import type { ChannelClientEvents } from "../client-types.ts";
import { ChannelTracks } from "./channel-tracks.ts";
import { JitterEstimate } from "./jitter-estimate.ts";
import { MediaTimeline } from "./media-timeline.ts";
import { PicturePlayer, type Presented } from "./picture-player.ts";
import { PlayoutClock } from "./playout-clock.ts";
import type { MediaDecoders, Picture, Sound, SoundOutput } from "./ports.ts";
import { SoundPlayer } from "./sound-player.ts";
import type { EncodedFrame, TrackFeed } from "./track-feed.ts";

/** Events of a {@link Playout}. */
export interface PlayoutEvents {
  /** `kind` cannot be played, for the reason in `message`; see {@link Playout.playable} for the others. */
  onUnplayable(kind: Track["kind"], message: string): void;
  /** A message of a text track. */
  onMessage(message: { readonly text: string; readonly medium: number }): void;
  /** A picture is ready to be shown when it is due. */
  onPictureReady(): void;
}

export interface PlayoutOptions<P extends Picture, S extends Sound> {
  readonly targetDelayMs: number;
  readonly clock: Clock;
  readonly decoders: MediaDecoders<P, S>;
  readonly output: SoundOutput<S>;
  /** Add to the clock's time to get the ingest's, ms; undefined until known. */
  originOffsetMs(): number | undefined;
}

/** A picture that was shown, with its age. */
export interface Shown extends Presented {
  readonly latencyMs: number | undefined;
}

/** Longest time that later packets wait for a missing one, ms: longer than its repair takes … */
const WAIT_MS_MAX = 300;
/** … and this much before they are due, if they are sound, which is decoded and on its way to the device then, ms. */
const SOUND_LEAD_MS = 50;
/** Opening the audio output blocks the page: not before the first picture has been on the screen for this long, ms … */
const PAINT_MS = 50;
/** … or, where no picture comes, after this, ms. */
const PICTURE_MS_MAX = 1_500;
const SMOOTHING = 0.1;
/** Where nothing was shown for this long, and for several usual intervals, its latency is not that of now, ms. */
const FRESH_MS = 2_000;
const FRESH_INTERVALS = 3;
/** Ages outside of these mean that the clocks are not known, ms. */
const AGE_MS_MIN = -50;
const AGE_MS_MAX = 60_000;

/** Plays the media of one channel as its packets come: tracks, media time, playout clock, pictures, sound. */
export class Playout<P extends Picture, S extends Sound> {
  readonly #options: PlayoutOptions<P, S>;
  readonly #events: PlayoutEvents;
  readonly #timeline = new MediaTimeline();
  readonly #clock: PlayoutClock;
  readonly #pictures: PicturePlayer<P>;
  readonly #sounds: SoundPlayer<S>;
  readonly #tracks: ChannelTracks;
  readonly #jitter = new JitterEstimate();
  readonly #startedAt: number;
  #firstPictureMs: number | undefined;
  #latency: { readonly at: number; readonly ms: number } | undefined;

  constructor(options: PlayoutOptions<P, S>, events: PlayoutEvents) {
    const { clock, decoders, output } = options;
    this.#options = options;
    this.#events = events;
    this.#startedAt = clock.now();
    this.#clock = new PlayoutClock({ targetDelayMs: options.targetDelayMs });
    const shared = {
      decoders,
      timeline: this.#timeline,
      clock: this.#clock,
      now: () => clock.now(),
    };
    this.#pictures = new PicturePlayer({
      ...shared,
      onUnsupported: (message) => this.#unplayable("video", message),
      onReady: () => events.onPictureReady(),
    });
    this.#sounds = new SoundPlayer({
      ...shared,
      output,
      onUnsupported: (message) => this.#unplayable("audio", message),
    });
    this.#tracks = new ChannelTracks(
      {
        clock,
        timeline: this.#timeline,
        waitMs: (kind) => this.#waitMs(kind),
        refusalOf: (track) => decoders.refusalOf(track),
        which: "first",
      },
      {
        onOpened: (feed) => this.#open(feed),
        onClosed: (feed) => this.#close(feed),
        onFrame: (feed, frame) => this.#frame(feed, frame),
        onMessage: (message) => events.onMessage(message),
        onRefused: ({ kind }, message) => this.#unplayable(kind, message),
      },
    );
  }

  /** True when any track of the channel can be used. */
  get playable(): boolean {
    return this.#tracks.playable;
  }

  /** True while the channel has sound. */
  get hasSound(): boolean {
    return this.#sounds.codecString !== "";
  }

  /** Delay that absorbs jitter, ms; may change while playing. */
  set targetDelayMs(value: number) {
    this.#clock.targetDelayMs = value;
  }

  /** Adds an rtp or data packet, which is retained: never modify it. */
  packet(packet: Uint8Array): void {
    this.#tracks.packet(packet);
  }

  /** Adds what the ingest reported of a source. */
  report(report: Parameters<ChannelClientEvents["onReport"]>[0]): void {
    this.#tracks.report(report);
  }

  /** Notes that packets will never arrive. */
  gap(gap: Parameters<ChannelClientEvents["onGap"]>[0]): void {
    this.#tracks.gap(gap);
  }

  /** The channel has these tracks. */
  describe(description: Description): void {
    this.#tracks.describe(description);
  }

  /**
   * How far the newest frame is behind what could have arrived by now, ms: what was sent in between is as late by that
   * much.
   */
  get behindMs(): number {
    return this.#clock.behindMs(this.#options.clock.now());
  }

  /** Gives up packets that were missing for too long, and opens the sound. Call it every few frames. */
  tick(): void {
    this.#tracks.tick();
    if (!this.#mayOpenSound() || !this.#sounds.open()) return;
    // The page was blocked meanwhile.
    this.#clock.interrupt();
    this.#pictures.rejoin();
  }

  close(): void {
    this.#pictures.close();
    this.#sounds.stop();
  }

  /** Shows the picture that is due now, if there is one. `draw` must not keep the image. */
  present(draw: (image: P) => void): Shown | undefined {
    const now = this.#options.clock.now();
    const presented = this.#pictures.present(now, draw);
    if (presented === undefined) return undefined;
    this.#firstPictureMs ??= now - this.#startedAt;
    const latencyMs = this.#ageOf(presented.ingestMs, now);
    if (latencyMs !== undefined) {
      const before = this.#latencyNow(now) ?? latencyMs;
      this.#latency = { at: now, ms: before + (latencyMs - before) * SMOOTHING };
    }
    return { ...presented, latencyMs };
  }

  /** What was measured; the names are those of `PlayerStats`. */
  stats() {
    const now = this.#options.clock.now();
    const pictures = this.#pictures;
    const sounds = this.#sounds;
    const heard = sounds.heard(now);
    const shown = pictures.shownOffsetMs;
    const keyless = this.#tracks.keylessSinceMs;
    return {
      framesDecoded: pictures.framesDecoded,
      framesPresented: pictures.log.count,
      framesDropped: this.#tracks.framesDropped + pictures.framesDropped + sounds.framesDropped,
      latencyMs:
        shown === undefined
          ? heard && this.#ageOf(heard.ingestMs, heard.at)
          : this.#latencyNow(now),
      jitterMs: this.#jitter.jitterMs,
      delayMs: this.#clock.delayMs,
      freezes: pictures.log.freezes,
      longestFreezeMs: pictures.log.longestGapMs,
      avSkewMs: heard && shown !== undefined ? shown - (heard.at - heard.mediaMs) : undefined,
      audioLevel: this.#options.output.level,
      firstPictureMs: this.#firstPictureMs,
      frameRate: pictures.rate.perSecond(now),
      videoCodec: pictures.codecString,
      audioCodec: sounds.codecString,
      width: pictures.width,
      height: pictures.height,
      keylessMs: keyless === undefined ? undefined : now - keyless,
      decodeErrors: pictures.decodeErrors + sounds.decodeErrors,
    };
  }

  #waitMs(kind: Track["kind"]): number {
    const { delayMs } = this.#clock;
    const inTime = kind === "audio" ? Math.max(delayMs / 2, delayMs - SOUND_LEAD_MS) : delayMs;
    return Math.min(inTime, WAIT_MS_MAX);
  }

  #latencyNow(now: number): number | undefined {
    if (this.#latency === undefined) return undefined;
    const freshMs = Math.max(FRESH_MS, FRESH_INTERVALS * this.#pictures.log.frameIntervalMs);
    return now - this.#latency.at > freshMs ? undefined : this.#latency.ms;
  }

  /** Age of what entered the network at `ingestMs`, at local time `at`; undefined while that is not known. */
  #ageOf(ingestMs: number | undefined, at: number): number | undefined {
    const offset = this.#options.originOffsetMs();
    if (ingestMs === undefined || offset === undefined) return undefined;
    const age = at + offset - ingestMs;
    return age < AGE_MS_MIN || age > AGE_MS_MAX ? undefined : Math.max(0, age);
  }

  /** Continues without one kind of media. */
  #unplayable(kind: Track["kind"], message: string): void {
    this.#tracks.giveUp(kind);
    // Media that are not played do not delay the others.
    this.#clock.forget(kind);
    if (kind === "video") this.#pictures.stop();
    else this.#sounds.stop();
    this.#events.onUnplayable(kind, message);
  }

  /** The first picture must not wait for the sound. */
  #mayOpenSound(): boolean {
    if (!this.#tracks.has("audio")) return false;
    if (!this.#tracks.has("video")) return true;
    const sinceStartMs = this.#options.clock.now() - this.#startedAt;
    return this.#firstPictureMs === undefined
      ? sinceStartMs > PICTURE_MS_MAX
      : sinceStartMs > this.#firstPictureMs + PAINT_MS;
  }

  #open({ track, timeline }: TrackFeed): void {
    this.#jitter.interrupt();
    this.#timeline.open(timeline, track.kind === "video" ? "video" : "audio");
    if (track.kind === "video") this.#pictures.start(track.codec, timeline);
    else this.#sounds.start(track, timeline);
  }

  #close({ track, timeline }: TrackFeed): void {
    this.#clock.forget(track.kind);
    this.#timeline.close(timeline, this.#options.clock.now());
    if (this.#tracks.has(track.kind)) return;
    if (track.kind === "video") this.#pictures.stop();
    else this.#sounds.stop();
  }

  #frame(feed: TrackFeed, frame: EncodedFrame): void {
    const now = this.#options.clock.now();
    const { kind } = feed.track;
    const ownMs = this.#timeline.arrived(feed.timeline, frame.ticks, now);
    const mediaMs = this.#timeline.mediaMsOf(feed.timeline, ownMs);
    if (mediaMs === undefined) return;
    this.#clock.arrived(kind, mediaMs, now);
    // Sound is sent evenly and in order. Pictures are not: their coding order would count as jitter.
    const steady = kind === "audio" || !this.#tracks.has("audio");
    if (steady) this.#jitter.add(now - ownMs);
    if (kind === "video") this.#pictures.push(frame, ownMs);
    else this.#sounds.push(frame, ownMs);
  }
}
