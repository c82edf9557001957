import { type Cancel, type Clock, every, type Random } from "../../base/index.ts";
import type { Description, Track } from "../../wire/index.ts";
import { ChannelClient } from "../channel-client.ts";
import { ChannelTracks } from "./channel-tracks.ts";
import { JitterEstimate } from "./jitter-estimate.ts";
import { MediaTimeline } from "./media-timeline.ts";
import { PicturePlayer, type Presented } from "./picture-player.ts";
import type { PlayerState } from "./player-state.ts";
import type { PlayerStats } from "./player-stats.ts";
import { PlayoutClock } from "./playout-clock.ts";
import type { Picture, PlaybackPorts, Sound } from "./ports.ts";
import { RateMeter } from "./rate-meter.ts";
import { SoundPlayer } from "./sound-player.ts";
import type { EncodedFrame, TrackFeed } from "./track-feed.ts";

/** Options of a {@link Playback}. */
export interface PlaybackOptions {
  readonly channel: string;
  /** WebSocket addresses, best first. */
  readonly urls: readonly string[];
  /** Shown to sites that require one. */
  readonly token: string | undefined;
  readonly targetDelayMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Events of a {@link Playback}. */
export interface PlaybackEvents {
  onState(state: PlayerState): void;
  onDescription(description: Description): void;
  onPath(sites: readonly string[]): void;
  /** `kind` cannot be played, for the reason in `message`; other media continue. */
  onWarning(kind: Track["kind"], message: string): void;
  /** A message of a text track. */
  onMessage(message: { readonly text: string; readonly medium: number }): void;
  /** A picture is ready: a hidden page, which has no animation frames, should draw now. */
  onPictureReady(): void;
}

/** A picture that was shown, with its age. */
export interface Shown extends Presented {
  readonly latencyMs: number | undefined;
}

const TICK_MS = 20;
/** Longest time that later packets wait for a missing one, ms: longer than its repair takes. */
const WAIT_MS_MAX = 300;
/** Opening the audio output blocks the page: not before the first picture has been on the screen for this long, ms … */
const PAINT_MS = 50;
/** … or, where no picture comes, after this, ms. */
const PICTURE_MS_MAX = 1_500;
const SMOOTHING = 0.1;
const VIEWER_NAME = "player";

/** Plays one channel: client, tracks, clock. Decoders, audio output and connections are ports. */
export class Playback<P extends Picture, S extends Sound> {
  readonly #options: PlaybackOptions;
  readonly #ports: PlaybackPorts<P, S>;
  readonly #events: PlaybackEvents;
  readonly #client: ChannelClient;
  readonly #timeline = new MediaTimeline();
  readonly #playout: PlayoutClock;
  readonly #pictures: PicturePlayer<P>;
  readonly #sounds: SoundPlayer<S>;
  readonly #tracks: ChannelTracks;
  readonly #jitter = new JitterEstimate();
  readonly #bits = new RateMeter(2_000);
  readonly #startedAt: number;
  #firstPictureMs: number | undefined;
  #latencyMs: number | undefined;
  #state: PlayerState = { type: "idle" };
  /** The state of the client, whatever can be played. */
  #clientState: PlayerState = { type: "idle" };
  #pictureRefusal: string | undefined;
  #cancel: Cancel | undefined;

  constructor(options: PlaybackOptions, ports: PlaybackPorts<P, S>, events: PlaybackEvents) {
    const { clock, random, channel, urls, token } = options;
    const { decoders, output } = ports;
    this.#options = options;
    this.#ports = ports;
    this.#events = events;
    this.#startedAt = clock.now();
    this.#playout = new PlayoutClock({ targetDelayMs: options.targetDelayMs });
    const shared = {
      decoders,
      timeline: this.#timeline,
      clock: this.#playout,
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
        waitMs: () => Math.min(this.#playout.delayMs, WAIT_MS_MAX),
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
    this.#client = new ChannelClient(
      {
        channel,
        sites: urls,
        token,
        dial: (url) => ports.dial(url),
        clock,
        random,
        name: VIEWER_NAME,
      },
      {
        onPacket: (packet) => {
          this.#bits.add(packet.byteLength * 8, clock.now());
          this.#tracks.packet(packet);
        },
        onDescription: (description) => this.#describe(description),
        onReport: (report) => this.#tracks.report(report),
        onGap: (gap) => this.#tracks.gap(gap),
        onPath: (sites) => events.onPath(sites),
        onState: (state) => this.#enter(state),
      },
    );
  }

  start(): void {
    this.#cancel ??= every(this.#options.clock, "player", TICK_MS, () => {
      this.#tracks.tick();
      if (this.#mayOpenSound()) this.#openSound();
    });
    this.#client.start();
  }

  /** Ends it. Idempotent. */
  close(): void {
    this.#cancel?.();
    this.#client.close();
    this.#pictures.close();
    this.#sounds.stop();
  }

  get state(): PlayerState {
    return this.#state;
  }

  /** Why the video of the channel is not shown; undefined when it is, or the channel has none. */
  get pictureRefusal(): string | undefined {
    return this.#pictureRefusal;
  }

  /** True while the channel has sound. */
  get hasSound(): boolean {
    return this.#sounds.codecString !== "";
  }

  /** Delay that absorbs jitter, ms; may change while playing. */
  set targetDelayMs(value: number) {
    this.#playout.targetDelayMs = value;
  }

  /** Shows the picture that is due now, if there is one. `draw` must not keep the image. */
  present(draw: (image: P) => void): Shown | undefined {
    const now = this.#options.clock.now();
    const presented = this.#pictures.present(now, draw);
    if (presented === undefined) return undefined;
    this.#firstPictureMs ??= now - this.#startedAt;
    const latencyMs = this.#ageOf(presented.ingestMs, now);
    if (latencyMs !== undefined) {
      this.#latencyMs ??= latencyMs;
      this.#latencyMs += (latencyMs - this.#latencyMs) * SMOOTHING;
    }
    return { ...presented, latencyMs };
  }

  stats(): PlayerStats {
    const now = this.#options.clock.now();
    const { packetsReceived, bytesReceived, packetsLost, packetsRepeated, resumes, path, rttMs } =
      this.#client.stats;
    const pictures = this.#pictures;
    const heard = this.#sounds.heard(now);
    const shown = pictures.shownOffsetMs;
    const framesDropped =
      this.#tracks.framesDropped + pictures.framesDropped + this.#sounds.framesDropped;
    return {
      state: this.#state.type,
      framesDecoded: pictures.framesDecoded,
      framesPresented: pictures.log.count,
      framesDropped,
      packetsReceived,
      bytesReceived,
      packetsLost,
      packetsRepeated,
      resumes,
      latencyMs:
        shown === undefined ? heard && this.#ageOf(heard.ingestMs, heard.at) : this.#latencyMs,
      jitterMs: this.#jitter.jitterMs,
      delayMs: this.#playout.delayMs,
      freezes: pictures.log.freezes,
      longestFreezeMs: pictures.log.longestGapMs,
      avSkewMs: heard && shown !== undefined ? shown - (heard.at - heard.mediaMs) : undefined,
      path,
      rttMs,
      audioLevel: this.#ports.output.level,
      firstPictureMs: this.#firstPictureMs,
      frameRate: pictures.rate.perSecond(now),
      bitsPerSecond: this.#bits.perSecond(now),
      videoCodec: pictures.codecString,
      audioCodec: this.#sounds.codecString,
      width: pictures.width,
      height: pictures.height,
      decodeErrors: pictures.decodeErrors + this.#sounds.decodeErrors,
    };
  }

  /** Age of what entered the network at `ingestMs`, at local time `at`. */
  #ageOf(ingestMs: number | undefined, at: number): number | undefined {
    const offset = this.#client.originOffsetMs;
    return ingestMs === undefined || offset === undefined ? undefined : at + offset - ingestMs;
  }

  #enter(state: PlayerState): void {
    if (state.type !== "unsupported") this.#clientState = state;
    // A reachable site does not make the channel playable.
    if (this.#state.type === "unsupported" && state.type !== "closed") return;
    this.#state = state;
    this.#events.onState(state);
  }

  /** Continues without one kind of media; when none is left, the channel is unsupported. */
  #unplayable(kind: Track["kind"], message: string): void {
    this.#tracks.giveUp(kind);
    // Media that are not played do not delay the others.
    this.#playout.forget(kind);
    if (kind === "video") {
      this.#pictureRefusal = message;
      this.#pictures.stop();
    } else {
      this.#sounds.stop();
    }
    if (this.#tracks.playable) this.#events.onWarning(kind, message);
    else this.#enter({ type: "unsupported", message });
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

  #openSound(): void {
    if (!this.#sounds.open()) return;
    // The page was blocked meanwhile.
    this.#playout.interrupt();
    this.#pictures.rejoin();
  }

  #describe(description: Description): void {
    const before = this.#state.type;
    this.#state = this.#clientState;
    this.#pictureRefusal = undefined;
    this.#tracks.describe(description);
    if (before === "unsupported") this.#enter(this.#clientState);
    this.#events.onDescription(description);
  }

  #open({ track, timeline }: TrackFeed): void {
    this.#jitter.interrupt();
    if (track.kind === "video") this.#pictures.start(track.codec, timeline);
    else this.#sounds.start(track, timeline);
  }

  #close({ track }: TrackFeed): void {
    this.#playout.forget(track.kind);
    if (this.#tracks.has(track.kind)) return;
    if (track.kind === "video") this.#pictures.stop();
    else this.#sounds.stop();
  }

  #frame(feed: TrackFeed, frame: EncodedFrame): void {
    const now = this.#options.clock.now();
    const { kind } = feed.track;
    const mediaMs =
      this.#timeline.mediaMsOf(feed.timeline, frame.ticks) ?? this.#assume(feed, frame, now);
    if (this.#playout.arrived(kind, mediaMs, now)) {
      this.#pictures.clear();
      this.#sounds.clear();
    }
    // Sound is sent evenly and in order. Pictures are not: their coding order would count as jitter.
    const steady = kind === "audio" || !this.#tracks.has("audio");
    if (steady) this.#jitter.add(now - feed.timeline.msOf(frame.ticks));
    if (kind === "video") this.#pictures.push(frame);
    else this.#sounds.push(frame);
  }

  /** Until the first report the age of a frame is unknown: it is assumed to be new. */
  #assume({ timeline }: TrackFeed, { ticks }: EncodedFrame, now: number): number {
    const ingestMs = now + (this.#client.originOffsetMs ?? 0);
    const report = { ingestMs, rtpTimestamp: ticks >>> 0, sender: undefined };
    this.#timeline.report(timeline, report, now);
    return ingestMs;
  }
}
