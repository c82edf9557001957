import type { Clock } from "../../src/base/index.ts";
import type { ChannelClientEvents } from "../../src/channel/index.ts";
import type { IngestReport, MediaTimeline, SenderTime } from "../../src/channel/playout/index.ts";
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
import { missingCapability, PLAYABLE } from "./capability.ts";
import { TrackFeed } from "./track-feed.ts";
import type { EncodedFrame } from "./video-track.ts";

/** What {@link ChannelTracks} tells. */
export interface ChannelTracksEvents {
  /** Audio or video begins, or goes over to another source. */
  onOpened(feed: TrackFeed): void;
  /** The feed's source ended, or another takes its place, which is opened next. */
  onClosed(feed: TrackFeed): void;
  /** A whole frame, in decoding order. */
  onFrame(feed: TrackFeed, frame: EncodedFrame): void;
  onMessage(message: { readonly text: string; readonly medium: number }): void;
  /** `kind` is described but can not be played, for the reason in `message`. */
  onUnplayable(kind: Track["kind"], message: string): void;
}

/** Packets and reports kept that came before the description that explains them. */
const EARLY_MAX = 512;

/** Takes apart what a channel brings: the first audio, the first video and all text, each with its timeline. */
export class ChannelTracks {
  readonly #clock: Clock;
  readonly #timeline: MediaTimeline;
  readonly #waitMs: () => number;
  readonly #events: ChannelTracksEvents;
  readonly #feeds = new Map<number, TrackFeed>();
  /** Kinds of media that are described and can be played. */
  readonly #kinds = new Set<Track["kind"]>();
  #texts: ReadonlySet<number> = new Set();
  #early: Uint8Array[] = [];
  readonly #earlyReports = new Map<string, IngestReport>();
  #pastDropped = 0;

  /** @param options `waitMs` tells how long a missing packet may be waited for */
  constructor(
    options: {
      readonly clock: Clock;
      readonly timeline: MediaTimeline;
      readonly waitMs: () => number;
    },
    events: ChannelTracksEvents,
  ) {
    this.#clock = options.clock;
    this.#timeline = options.timeline;
    this.#waitMs = options.waitMs;
    this.#events = events;
  }

  /** Frames that came incomplete, or before the first key frame. */
  get framesDropped(): number {
    let dropped = this.#pastDropped;
    for (const feed of this.#feeds.values()) dropped += feed.framesDropped;
    return dropped;
  }

  /** True when something of the channel can be played. */
  get playable(): boolean {
    return this.#kinds.size > 0 || this.#texts.size > 0;
  }

  /** True while `kind` is described and can be played. */
  has(kind: Track["kind"]): boolean {
    return this.#kinds.has(kind);
  }

  /** A decoder refused it; it is tried again when the description changes. */
  giveUp(kind: Track["kind"]): void {
    this.#kinds.delete(kind);
    for (const feed of this.#feeds.values()) if (feed.track.kind === kind) this.#forget(feed);
  }

  /** Takes an rtp or data packet, which must not change afterwards. */
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
      feed.push(payloadOf(packet), this.#clock.now());
    } else {
      this.#keepEarly(packet);
    }
  }

  /** Takes what the ingest reported of a source. */
  report(report: Parameters<ChannelClientEvents["onReport"]>[0]): void {
    const { ingestMs, rtpTimestamp } = report;
    const full = { ingestMs, rtpTimestamp, sender: senderTimeOf(report.rtcp) };
    const feed = this.#feeds.get(report.medium);
    if (feed !== undefined && keyOf(feed.track) === keyOf(report)) {
      this.#timeline.report(feed.timeline, full, this.#clock.now());
    } else if (this.#earlyReports.size < EARLY_MAX) {
      this.#earlyReports.set(keyOf(report), full);
    }
  }

  /** Takes the news that packets will never come. */
  gap(gap: Parameters<ChannelClientEvents["onGap"]>[0]): void {
    const feed = this.#feeds.get(gap.medium);
    if (feed === undefined || keyOf(feed.track) !== keyOf(gap)) return;
    feed.gap(gap.sequence, gap.count, this.#clock.now());
  }

  /** Opens and closes feeds as the channel's description asks. */
  describe({ tracks }: Description): void {
    const byMedium = [...tracks].sort((a, b) => a.medium - b.medium);
    const first = (kind: Track["kind"]): Track[] =>
      byMedium.filter((track) => track.kind === kind).slice(0, 1);
    const wanted = [...first("video"), ...first("audio")];
    const texts = byMedium.filter(({ kind }) => kind === "text");
    this.#texts = new Set(texts.map(({ medium }) => medium));
    this.#judge(wanted);
    for (const feed of this.#feeds.values()) {
      const { kind, medium } = feed.track;
      const stays = wanted.some((track) => track.medium === medium && feed.matches(track));
      if (stays && this.has(kind)) continue;
      this.#forget(feed);
      this.#events.onClosed(feed);
    }
    for (const track of wanted) {
      if (!this.#feeds.has(track.medium) && this.has(track.kind)) this.#open(track);
    }
    const early = this.#early;
    this.#early = [];
    for (const packet of early) this.packet(packet);
  }

  /** Gives up packets that were missing for too long. Call it every now and then. */
  tick(): void {
    for (const feed of this.#feeds.values()) feed.tick(this.#clock.now());
  }

  #judge(wanted: readonly Track[]): void {
    this.#kinds.clear();
    const missing = wanted.length > 0 ? missingCapability() : undefined;
    const playable = wanted.filter(({ codec }) => PLAYABLE.includes(codec));
    if (missing === undefined) for (const { kind } of playable) this.#kinds.add(kind);
    for (const { kind, codec } of wanted) {
      if (this.has(kind)) continue;
      const unknown = `The ${kind} of this channel is ${codec}; the player knows ${PLAYABLE.join(", ")}.`;
      this.#events.onUnplayable(kind, missing ?? unknown);
    }
  }

  #open(track: Track): void {
    const feed: TrackFeed = new TrackFeed(track, this.#waitMs(), (frame) =>
      this.#events.onFrame(feed, frame),
    );
    this.#feeds.set(track.medium, feed);
    this.#events.onOpened(feed);
    const key = keyOf(track);
    const report = this.#earlyReports.get(key);
    this.#earlyReports.delete(key);
    if (report !== undefined) this.#timeline.report(feed.timeline, report, this.#clock.now());
  }

  #forget(feed: TrackFeed): void {
    this.#pastDropped += feed.framesDropped;
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
