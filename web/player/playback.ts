import { type Cancel, type Clock, every, type Random } from "../../src/base/index.ts";
import { ChannelClient, type ChannelClientEvents } from "../../src/channel/index.ts";
import {
  type IngestReport,
  JitterEstimate,
  MediaTimeline,
  PlayoutClock,
  RateMeter,
  type SenderTime,
} from "../../src/channel/playout/index.ts";
import {
  type Description,
  decodeRtcp,
  generationOf,
  KIND,
  kindOf,
  mediumOf,
  ntpToMs,
  payloadOf,
  sourceOf,
  type Track,
} from "../../src/wire/index.ts";
import { dialWebSocket } from "../browser-websocket.ts";
import type { AudioOutput } from "./audio-output.ts";
import { missingCapability, PLAYABLE } from "./capability.ts";
import { PicturePlayer, type Presented } from "./picture-player.ts";
import type { PlayerState } from "./player-state.ts";
import type { PlayerStats } from "./player-stats.ts";
import { SoundPlayer } from "./sound-player.ts";
import { TrackFeed } from "./track-feed.ts";
import type { EncodedFrame } from "./video-track.ts";

export interface PlaybackOptions {
  readonly channel: string;
  /** WebSocket addresses, best first. */
  readonly urls: readonly string[];
  readonly targetDelayMs: number;
  /** performance.now as its `now`. */
  readonly clock: Clock;
  readonly random: Random;
  /** Borrowed. */
  readonly output: AudioOutput;
}

export interface PlaybackEvents {
  onState(state: PlayerState): void;
  onDescription(description: Description): void;
  onPath(sites: readonly string[]): void;
  /** Part of the channel can not be played; the rest goes on. */
  onWarning(message: string): void;
  /** A message of a text track. */
  onMessage(message: { readonly text: string; readonly medium: number }): void;
  /** A picture became ready: when nothing draws by itself (a hidden page), draw now. */
  onPictureReady(): void;
}

/** A picture that was shown, with its age. */
export interface Shown extends Presented {
  readonly latencyMs: number | undefined;
}

const TICK_MS = 20;
/** Packets and reports kept that came before the description that explains them. */
const EARLY_MAX = 512;
const SMOOTHING = 0.1;
const VIEWER_NAME = "player";

/** Plays one channel: client, tracks, clock. Knows nothing of the page but its decoders and its audio. */
export class Playback {
  readonly #options: PlaybackOptions;
  readonly #events: PlaybackEvents;
  readonly #client: ChannelClient;
  readonly #timeline = new MediaTimeline();
  readonly #playout: PlayoutClock;
  readonly #pictures: PicturePlayer;
  readonly #sounds: SoundPlayer;
  readonly #feeds = new Map<number, TrackFeed>();
  /** Kinds of media that are described and can be played. */
  #kinds = new Set<Track["kind"]>();
  #texts: ReadonlySet<number> = new Set();
  #early: Uint8Array[] = [];
  readonly #earlyReports = new Map<string, IngestReport>();
  readonly #jitter = new JitterEstimate();
  readonly #bits = new RateMeter(2_000);
  #pastDropped = 0;
  readonly #startedAt: number;
  #firstPictureMs: number | undefined;
  #latencyMs: number | undefined;
  #state: PlayerState = { type: "idle" };
  #cancel: Cancel | undefined;

  constructor(options: PlaybackOptions, events: PlaybackEvents) {
    const { clock, random, channel, urls, output } = options;
    this.#options = options;
    this.#events = events;
    this.#startedAt = clock.now();
    this.#playout = new PlayoutClock({ targetDelayMs: options.targetDelayMs });
    const shared = {
      timeline: this.#timeline,
      clock: this.#playout,
      now: () => clock.now(),
    };
    this.#pictures = new PicturePlayer({
      ...shared,
      onUnsupported: (codec) =>
        this.#unsupported("video", `This browser has no decoder for ${codec}.`),
      onReady: () => events.onPictureReady(),
    });
    this.#sounds = new SoundPlayer({
      ...shared,
      output,
      onUnsupported: (codec) =>
        this.#unsupported("audio", `This browser has no decoder for ${codec}.`),
    });
    this.#client = new ChannelClient(
      {
        channel,
        sites: urls,
        dial: (url) => dialWebSocket(url, clock),
        clock,
        random,
        name: VIEWER_NAME,
      },
      {
        onPacket: (packet) => this.#packet(packet),
        onDescription: (description) => this.#describe(description),
        onReport: (report) => this.#report(report),
        onGap: (gap) => {
          const feed = this.#feeds.get(gap.medium);
          if (feed?.track.source !== gap.source || feed.track.generation !== gap.generation) return;
          feed.gap(gap.sequence, gap.count, clock.now());
        },
        onPath: (sites) => events.onPath(sites),
        onState: (state) => this.#enter(state),
      },
    );
  }

  start(): void {
    this.#cancel ??= every(this.#options.clock, "player", TICK_MS, () => {
      const now = this.#options.clock.now();
      for (const feed of this.#feeds.values()) feed.tick(now);
    });
    this.#client.start();
  }

  /** Ends it; closing twice is fine. */
  close(): void {
    this.#cancel?.();
    this.#client.close();
    this.#pictures.close();
    this.#sounds.stop();
  }

  get state(): PlayerState {
    return this.#state;
  }

  /** True while the channel brings sound. */
  get hasSound(): boolean {
    return this.#sounds.codecString !== "";
  }

  /** Delay that absorbs jitter, ms; may change while playing. */
  set targetDelayMs(value: number) {
    this.#playout.targetDelayMs = value;
  }

  /** Shows the picture that is due now, if one is. `draw` borrows the image. */
  present(draw: (image: VideoFrame) => void): Shown | undefined {
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
    let framesDropped = this.#pastDropped + pictures.framesDropped + this.#sounds.framesDropped;
    for (const feed of this.#feeds.values()) framesDropped += feed.framesDropped;
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
      audioLevel: this.#options.output.level,
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
    // That the site can be reached does not help what can not be played.
    if (this.#state.type === "unsupported" && state.type !== "closed") return;
    this.#state = state;
    this.#events.onState(state);
  }

  /** Gives up one kind of media; without any left, all of it. */
  #unsupported(kind: Track["kind"], message: string): void {
    this.#kinds.delete(kind);
    if (this.#kinds.size > 0 || this.#texts.size > 0) this.#events.onWarning(message);
    else this.#enter({ type: "unsupported", message });
  }

  #judge(wanted: readonly Track[]): void {
    const missing = wanted.length > 0 ? missingCapability() : undefined;
    for (const { kind, codec } of wanted) {
      const known = PLAYABLE.includes(codec);
      if (missing !== undefined) this.#unsupported(kind, missing);
      else if (!known) {
        const message = `The ${kind} of this channel is ${codec}; the player knows ${PLAYABLE.join(", ")}.`;
        this.#unsupported(kind, message);
      }
    }
  }

  #packet(packet: Uint8Array): void {
    const now = this.#options.clock.now();
    this.#bits.add(packet.byteLength * 8, now);
    const medium = mediumOf(packet);
    if (kindOf(packet) === KIND.data) {
      const text = new TextDecoder().decode(payloadOf(packet));
      if (this.#texts.has(medium)) this.#events.onMessage({ text, medium });
      else this.#keepEarly(packet);
      return;
    }
    const feed = this.#feeds.get(medium);
    if (feed?.track.source !== sourceOf(packet) || feed.track.generation !== generationOf(packet)) {
      this.#keepEarly(packet);
      return;
    }
    feed.push(payloadOf(packet), now);
  }

  /** A new source may be a moment ahead of the description that names it. */
  #keepEarly(packet: Uint8Array): void {
    this.#early.push(packet);
    if (this.#early.length > EARLY_MAX) this.#early.shift();
  }

  #describe(description: Description): void {
    const byMedium = [...description.tracks].sort((a, b) => a.medium - b.medium);
    const video = byMedium.find((track) => track.kind === "video");
    const audio = byMedium.find((track) => track.kind === "audio");
    this.#texts = new Set(
      byMedium.filter(({ kind }) => kind === "text").map(({ medium }) => medium),
    );
    const wanted = [video, audio].filter((track) => track !== undefined);
    this.#kinds = new Set(wanted.map(({ kind }) => kind));
    this.#judge(wanted);
    for (const [medium, feed] of this.#feeds) {
      if (!wanted.some((track) => feed.track.kind === track.kind && feed.matches(track))) {
        this.#pastDropped += feed.framesDropped;
        this.#feeds.delete(medium);
        this.#playout.forget(feed.track.kind);
        if (video === undefined && feed.track.kind === "video") this.#pictures.stop();
        if (audio === undefined && feed.track.kind === "audio") this.#sounds.stop();
      }
    }
    for (const track of wanted) {
      if (!this.#feeds.has(track.medium) && this.#kinds.has(track.kind)) this.#open(track);
    }
    this.#events.onDescription(description);
    const early = this.#early;
    this.#early = [];
    for (const packet of early) this.#packet(packet);
  }

  #open(track: Track): void {
    const isVideo = track.kind === "video";
    const feed = new TrackFeed(track, this.#playout.delayMs, (frame) => this.#frame(feed, frame));
    this.#feeds.set(track.medium, feed);
    this.#jitter.interrupt();
    if (isVideo) this.#pictures.start(track.codec, feed.timeline);
    else this.#sounds.start(track.channels ?? 2, feed.timeline);
    const key = keyOf(track);
    const report = this.#earlyReports.get(key);
    if (report !== undefined)
      this.#timeline.report(feed.timeline, report, this.#options.clock.now());
    this.#earlyReports.clear();
  }

  #report(report: Parameters<ChannelClientEvents["onReport"]>[0]): void {
    const { ingestMs, rtpTimestamp } = report;
    const full = { ingestMs, rtpTimestamp, sender: senderTimeOf(report.rtcp) };
    const feed = this.#feeds.get(report.medium);
    if (feed !== undefined && keyOf(feed.track) === keyOf(report)) {
      this.#timeline.report(feed.timeline, full, this.#options.clock.now());
    } else if (this.#earlyReports.size < EARLY_MAX) {
      this.#earlyReports.set(keyOf(report), full);
    }
  }

  #frame(feed: TrackFeed, frame: EncodedFrame): void {
    const now = this.#options.clock.now();
    const { kind, medium } = feed.track;
    const mediaMs =
      this.#timeline.mediaMsOf(feed.timeline, frame.ticks) ?? this.#assume(feed, frame, now);
    if (this.#playout.arrived(kind, mediaMs, now)) {
      this.#pictures.clear();
      this.#sounds.clear();
    }
    const hasAudio = [...this.#feeds.values()].some((each) => each.track.kind === "audio");
    if (kind === "audio" || !hasAudio) this.#jitter.add(now - feed.timeline.msOf(frame.ticks));
    if (this.#feeds.get(medium) !== feed) return;
    if (kind === "video") this.#pictures.push(frame);
    else this.#sounds.push(frame);
  }

  /** Before the first report nobody knows when a frame entered the network: take it for brand new. */
  #assume(feed: TrackFeed, frame: EncodedFrame, now: number): number {
    const ingestMs = now + (this.#client.originOffsetMs ?? 0);
    const rtpTimestamp = frame.ticks >>> 0;
    this.#timeline.report(feed.timeline, { ingestMs, rtpTimestamp, sender: undefined }, now);
    return ingestMs;
  }
}

function keyOf(of: {
  readonly source: number;
  readonly generation: number;
  readonly medium: number;
}): string {
  return `${of.medium}/${of.source}/${of.generation}`;
}

/** The sender report in the publisher's last RTCP, if there is one. */
function senderTimeOf(rtcp: Uint8Array): SenderTime | undefined {
  if (rtcp.byteLength === 0) return undefined;
  const packets = decodeRtcp(rtcp);
  if (typeof packets === "string") return undefined;
  const report = packets.find((packet) => packet.type === "sender-report");
  if (report === undefined || report.ntpSeconds === 0) return undefined;
  return {
    ntpMs: ntpToMs(report.ntpSeconds, report.ntpFraction),
    rtpTimestamp: report.rtpTimestamp,
  };
}
