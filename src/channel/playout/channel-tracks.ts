import type { Clock } from "../../base/index.ts";
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
} from "../../wire/index.ts";
import type { ChannelClientEvents } from "../client-types.ts";
import type { IngestReport, SenderTime, SourceTimeline } from "./source-timeline.ts";
import { type EncodedFrame, TrackFeed } from "./track-feed.ts";

/** What {@link ChannelTracks} reports. */
export interface ChannelTracksEvents {
  /** Audio or video begins, or changes to another source. */
  onOpened(feed: TrackFeed): void;
  /** The feed's source ended, or is replaced by another one, which is opened next. */
  onClosed(feed: TrackFeed): void;
  /** A complete frame, in decoding order. */
  onFrame(feed: TrackFeed, frame: EncodedFrame): void;
  onMessage(message: { readonly text: string; readonly medium: number }): void;
  /** The track is described but is not used, for the reason in `message`. */
  onRefused(track: Track, message: string): void;
}

/** Frames that came and were not handed on, by reason. */
export interface FrameDrops {
  readonly beforeKey: number;
  readonly leading: number;
  readonly incomplete: number;
}

export interface ChannelTracksOptions {
  readonly clock: Pick<Clock, "now">;
  /** Told what the ingest reports about a source, at the local time `nowMs`. */
  readonly timeline: {
    report(source: SourceTimeline, report: IngestReport, nowMs: number): void;
  };
  /** How long a missing packet of such a track may be waited for, ms. */
  waitMs(kind: Track["kind"]): number;
  /** Why a track of audio or video cannot be used, for people; undefined when it can. */
  refusalOf(track: Track): string | undefined;
  /** `first` of audio and of video, as a player shows them, or `all`. */
  readonly which: "first" | "all";
}

/** Most packets and reports kept that arrived before the description of their source. */
const EARLY_MAX = 512;

/** Separates what a channel carries: its audio and video, each with its timeline, and all text. */
export class ChannelTracks {
  readonly #options: ChannelTracksOptions;
  readonly #events: ChannelTracksEvents;
  readonly #feeds = new Map<number, TrackFeed>();
  /** Kinds of media that are described and can be used. */
  readonly #kinds = new Set<Track["kind"]>();
  #texts: ReadonlySet<number> = new Set();
  #early: Uint8Array[] = [];
  readonly #earlyReports = new Map<string, IngestReport>();
  #pastDropped = 0;
  #pastDrops: FrameDrops = { beforeKey: 0, leading: 0, incomplete: 0 };
  #pastLost = 0;

  constructor(options: ChannelTracksOptions, events: ChannelTracksEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** Frames that arrived incomplete, or before the first key frame. */
  get framesDropped(): number {
    let dropped = this.#pastDropped;
    for (const feed of this.#feeds.values()) dropped += feed.framesDropped;
    return dropped;
  }

  /** Of those, by reason: what came before a key frame, what refers to frames before it, and what was incomplete. */
  get frameDrops(): FrameDrops {
    let drops = this.#pastDrops;
    for (const feed of this.#feeds.values()) drops = withDrops(drops, feed);
    return drops;
  }

  /** Packets that never arrived. */
  get packetsLost(): number {
    let lost = this.#pastLost;
    for (const feed of this.#feeds.values()) lost += feed.packetsLost;
    return lost;
  }

  /** Since when frames have come of which none can be decoded for want of a key frame, ms of the clock. */
  get keylessSinceMs(): number | undefined {
    for (const { keylessSinceMs } of this.#feeds.values())
      if (keylessSinceMs !== undefined) return keylessSinceMs;
    return undefined;
  }

  /** True when any track of the channel can be used. */
  get playable(): boolean {
    return this.#kinds.size > 0 || this.#texts.size > 0;
  }

  /** True while `kind` is described and can be used. */
  has(kind: Track["kind"]): boolean {
    return this.#kinds.has(kind);
  }

  /** A track turned out to be unusable; it is tried again when the description changes. */
  giveUp(kind: Track["kind"]): void {
    this.#kinds.delete(kind);
    for (const feed of this.#feeds.values()) if (feed.track.kind === kind) this.#forget(feed);
  }

  /** Adds an rtp or data packet, which is retained: never modify it. */
  packet(packet: Uint8Array): void {
    const medium = mediumOf(packet);
    if (kindOf(packet) === KIND.data) {
      const text = new TextDecoder().decode(payloadOf(packet));
      if (this.#texts.has(medium)) this.#events.onMessage({ text, medium });
      else this.#keepEarly(packet);
      return;
    }
    const feed = this.#feeds.get(medium);
    if (feed?.track.source === sourceOf(packet) && feed.track.generation === generationOf(packet)) {
      feed.push(payloadOf(packet), this.#options.clock.now());
    } else {
      this.#keepEarly(packet);
    }
  }

  /** Adds what the ingest reported of a source. */
  report(report: Parameters<ChannelClientEvents["onReport"]>[0]): void {
    const { ingestMs, rtpTimestamp } = report;
    const full = { ingestMs, rtpTimestamp, sender: senderTimeOf(report.rtcp) };
    const feed = this.#feeds.get(report.medium);
    if (feed !== undefined && keyOf(feed.track) === keyOf(report)) {
      this.#options.timeline.report(feed.timeline, full, this.#options.clock.now());
    } else if (this.#earlyReports.size < EARLY_MAX) {
      this.#earlyReports.set(keyOf(report), full);
    }
  }

  /** The open feed of a source. */
  find(source: {
    readonly source: number;
    readonly generation: number;
    readonly medium: number;
  }): TrackFeed | undefined {
    const feed = this.#feeds.get(source.medium);
    return feed !== undefined && keyOf(feed.track) === keyOf(source) ? feed : undefined;
  }

  /** Notes that packets will never arrive. */
  gap(gap: Parameters<ChannelClientEvents["onGap"]>[0]): void {
    this.find(gap)?.gap(gap.sequence, gap.count, this.#options.clock.now());
  }

  /** Opens and closes feeds as the channel's description asks. */
  describe({ tracks }: Description): void {
    const byMedium = [...tracks].sort((a, b) => a.medium - b.medium);
    const most = this.#options.which === "first" ? 1 : byMedium.length;
    const of = (kind: Track["kind"]): Track[] =>
      byMedium.filter((track) => track.kind === kind).slice(0, most);
    const texts = byMedium.filter(({ kind }) => kind === "text");
    this.#texts = new Set(texts.map(({ medium }) => medium));
    const wanted = this.#judge([...of("video"), ...of("audio")]);
    for (const feed of this.#feeds.values()) {
      const { medium } = feed.track;
      const same = wanted.find((track) => track.medium === medium && feed.matches(track));
      if (same !== undefined) {
        feed.describe(same);
        continue;
      }
      feed.finish();
      this.#forget(feed);
      this.#events.onClosed(feed);
    }
    for (const track of wanted) {
      if (!this.#feeds.has(track.medium)) this.#open(track);
    }
    const early = this.#early;
    this.#early = [];
    for (const packet of early) this.packet(packet);
  }

  /** Gives up packets that were missing for too long. Call it regularly. */
  tick(): void {
    for (const feed of this.#feeds.values()) feed.tick(this.#options.clock.now());
  }

  /** Nothing more comes: hands on what still waits for missing packets, or for its end. */
  finish(): void {
    for (const feed of this.#feeds.values()) feed.finish();
  }

  /** Those that can be used. */
  #judge(tracks: readonly Track[]): Track[] {
    const judged = tracks.map((track) => ({ track, refusal: this.#options.refusalOf(track) }));
    const usable = judged.filter(({ refusal }) => refusal === undefined).map(({ track }) => track);
    this.#kinds.clear();
    for (const { kind } of usable) this.#kinds.add(kind);
    for (const { track, refusal } of judged)
      if (refusal !== undefined) this.#events.onRefused(track, refusal);
    // The callee may have given up more.
    return usable.filter(({ kind }) => this.has(kind));
  }

  #open(track: Track): void {
    const feed: TrackFeed = new TrackFeed(track, this.#options.waitMs(track.kind), (frame) =>
      this.#events.onFrame(feed, frame),
    );
    this.#feeds.set(track.medium, feed);
    this.#events.onOpened(feed);
    const key = keyOf(track);
    const report = this.#earlyReports.get(key);
    this.#earlyReports.delete(key);
    if (report !== undefined)
      this.#options.timeline.report(feed.timeline, report, this.#options.clock.now());
  }

  #forget(feed: TrackFeed): void {
    this.#pastDropped += feed.framesDropped;
    this.#pastDrops = withDrops(this.#pastDrops, feed);
    this.#pastLost += feed.packetsLost;
    this.#feeds.delete(feed.track.medium);
  }

  /** A new source may be a moment ahead of the description that names it. */
  #keepEarly(packet: Uint8Array): void {
    this.#early.push(packet);
    if (this.#early.length > EARLY_MAX) this.#early.shift();
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

function withDrops(
  { beforeKey, incomplete, leading }: FrameDrops,
  { stats }: TrackFeed,
): FrameDrops {
  const { framesBeforeKey, framesDropped, framesLeading } = stats;
  return {
    beforeKey: beforeKey + framesBeforeKey,
    leading: leading + framesLeading,
    incomplete: incomplete + framesDropped - framesBeforeKey - framesLeading,
  };
}
