import {
  type Cancel,
  type Clock,
  Counters,
  every,
  isAboutToken,
  MeanderError,
} from "../../base/index.ts";
import { type ClientState, describeStall } from "../../channel/index.ts";
import { ChannelTracks, type TrackFeed } from "../../channel/playout/index.ts";
import {
  type Container,
  containerOf,
  type OpenSegmentFile,
  RecordTimeline,
  recordingRefusal,
  Segmenter,
  SteadyClock,
  type TrackBuffer,
} from "../../media/index.ts";
import type { Description, Track } from "../../wire/index.ts";
import type { RecordEvent, RecordRequest, RecordStatus } from "../contract/recording.ts";
import type { WatchEvents } from "../watch/index.ts";
import { ArrivalTime } from "./arrival-time.ts";
import { describeDiskError, SegmentFiles } from "./segment-files.ts";

export interface ChannelRecorderPorts {
  readonly clock: Clock;
  readonly openFile: OpenSegmentFile;
  /** Begins to watch the channel. */
  watch(events: WatchEvents): Promise<{ close(): void }>;
  onEvent(event: RecordEvent): void;
}

const TICK_MS = 50;
/** Longer than any repair or failover takes: a recording need not be timely. */
const WAIT_MS = 3_000;
/** A site that is well sends something more often, be it reports. A time without counts as no waiting, ms. */
const SILENCE_MS = 1_500;
/** Packets in flight when their source ended arrive within this, ms. */
const BYE_MS = 500;
/** Pauses before a refused write is retried, ms. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;

/** Records one channel until it is told to finish, or is complete. */
export class ChannelRecorder {
  /** Settles when the recording has ended and its files are complete: undefined, or why it ended by itself. */
  readonly ended: Promise<MeanderError | undefined>;
  readonly #request: RecordRequest;
  readonly #ports: ChannelRecorderPorts;
  readonly #container: Container;
  readonly #files: SegmentFiles;
  readonly #segmenter: Segmenter;
  readonly #timeline = new RecordTimeline();
  readonly #tracks: ChannelTracks;
  readonly #time: ArrivalTime;
  readonly #buffers = new Map<TrackFeed, TrackBuffer>();
  #settle: (error: MeanderError | undefined) => void = () => {};
  #watching: { close(): void } | undefined;
  #cancelTick: Cancel | undefined;
  #cancelRetry: Cancel | undefined;
  #failures = 0;
  #refusal: string | undefined;
  #reason: string | undefined =
    "waiting for the channel: it has no publisher now, or no way to this site";
  /** Why the channel does not arrive at its site; undefined: it does. */
  #stall: string | undefined;
  #isBlocked = false;
  /** False: the user was told that it waits for one. */
  #hasPublisher = true;
  #finishing: Promise<void> | undefined;

  /** @throws {MeanderError} `recording-path`, `recording-exists`, `recording-format` */
  constructor(request: RecordRequest, ports: ChannelRecorderPorts) {
    const { clock } = ports;
    const { channel, segmentSeconds, durationSeconds, to } = request;
    this.#request = request;
    this.#ports = ports;
    this.#container = containerOf(to, `recording of ${channel}`);
    this.#files = new SegmentFiles(request, clock, ports.openFile);
    this.#files.check();
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#segmenter = new Segmenter({
      container: this.#container,
      segmentMs: (segmentSeconds ?? Number.POSITIVE_INFINITY) * 1000,
      durationMs: (durationSeconds ?? Number.POSITIVE_INFINITY) * 1000,
      title: channel,
      clock,
      openFile: () => this.#files.open(),
      events: {
        onStarted: ({ path, tracks }) => this.#tell({ type: "started", file: path, tracks }),
        onFinished: ({ path, seconds, bytes, frames }, reason) => {
          this.#failures = 0;
          this.#tell({ type: "finished", file: path, seconds, bytes, frames, reason });
          this.#prune();
        },
        onFailed: (error, facts) => this.#failed(error, facts?.path),
        onEnough: () => void this.finish(),
      },
    });
    this.#time = new ArrivalTime(clock, SILENCE_MS);
    this.#tracks = new ChannelTracks(
      {
        clock: this.#time,
        timeline: this.#timeline,
        waitMs: () => WAIT_MS,
        refusalOf: (track) => recordingRefusal(track, this.#container),
        which: "all",
      },
      {
        onOpened: (feed) => this.#open(feed),
        onClosed: (feed) => this.#close(feed),
        onFrame: (feed, frame) => {
          const buffer = this.#buffers.get(feed);
          if (buffer !== undefined) this.#segmenter.frame(buffer, frame);
        },
        onMessage() {},
        onRefused: (track, message) => this.#refused(message, track),
      },
    );
  }

  get status(): RecordStatus {
    const { channel } = this.#request;
    const { drops } = this.#segmenter;
    const counts = new Counters();
    counts.addAll(drops);
    // Before they could be recorded.
    const { beforeKey, incomplete, leading } = this.#tracks.frameDrops;
    const earlier = {
      ...{ "before-key": beforeKey, leading, incomplete },
      "packets-lost": this.#tracks.packetsLost,
      // This would be a fault of the recorder.
      unaccounted: Math.abs(this.#segmenter.unaccounted),
    };
    for (const [reason, count] of Object.entries(earlier)) if (count > 0) counts.add(reason, count);
    const counted = counts.toJSON();
    const file = this.#segmenter.current?.path ?? null;
    const state =
      this.#finishing !== undefined
        ? "ended"
        : this.#isBlocked
          ? "blocked"
          : file === null
            ? "waiting"
            : "recording";
    const isIdle = state === "waiting" || state === "blocked";
    const own = isIdle ? this.#reason : this.#refusal;
    const reason = (this.#isBlocked ? own : (this.#stall ?? own)) ?? null;
    return { channel, state, file, ...this.#segmenter.totals, drops: counted, reason };
  }

  /** Begins to watch. @throws what `watch` throws */
  async start(): Promise<void> {
    const { clock, watch } = this.#ports;
    this.#cancelTick = every(clock, "recorder", TICK_MS, () => {
      this.#tracks.tick();
      this.#segmenter.tick();
    });
    try {
      this.#watching = await watch({
        onPacket: (packet) => {
          this.#time.arrived();
          this.#tracks.packet(packet);
        },
        onDescription: (description) => this.#describe(description),
        onReport: (report) => {
          this.#time.arrived();
          this.#tracks.report(report);
        },
        onGap: (gap) => this.#tracks.gap(gap),
        onBye: (source) => {
          const feed = this.#tracks.find(source);
          if (feed !== undefined) clock.after("source ended", BYE_MS, () => this.#gone(feed));
        },
        onState: (state) => this.#state(state),
      });
    } catch (error) {
      this.#cancelTick();
      throw error;
    }
    // It may have been told to finish meanwhile.
    if (this.#finishing !== undefined) this.#watching.close();
  }

  /** Ends the recording. Settles when its files are complete. Idempotent. */
  finish(): Promise<void> {
    this.#finishing ??= this.#finish(undefined);
    return this.#finishing;
  }

  async #finish(error: MeanderError | undefined): Promise<void> {
    this.#cancelTick?.();
    this.#cancelRetry?.();
    this.#watching?.close();
    this.#tracks.finish();
    await this.#segmenter.finish();
    this.#settle(error);
  }

  #fail(error: MeanderError): void {
    this.#finishing ??= this.#finish(error);
  }

  #tell(event: RecordEvent): void {
    this.#ports.onEvent(event);
  }

  #describe(description: Description): void {
    const [first] = description.tracks;
    this.#refusal = undefined;
    this.#tracks.describe(description);
    this.#segmenter.expect(announcedMedia(description).length);
    if (first !== undefined) this.#hasPublisher = true;
    else if (this.#buffers.size === 0) this.#waitForPublisher();
    if (this.#buffers.size > 0 || first === undefined) return;
    if (!description.tracks.some(({ kind }) => kind === "audio" || kind === "video"))
      this.#refused(`the channel carries ${first.kind}; audio and video can be recorded`);
  }

  #open(feed: TrackFeed): void {
    const buffer = this.#segmenter.open(feed.track, new SteadyClock(this.#timeline, feed.timeline));
    if (buffer !== undefined) this.#buffers.set(feed, buffer);
  }

  #close(feed: TrackFeed): void {
    const buffer = this.#buffers.get(feed);
    this.#buffers.delete(feed);
    this.#timeline.ended(feed.timeline);
    if (buffer !== undefined) this.#segmenter.close(buffer);
  }

  #gone(feed: TrackFeed): void {
    if (!this.#buffers.has(feed)) return;
    feed.finish();
    this.#close(feed);
    if (this.#buffers.size > 0) return;
    this.#waitForPublisher();
    if (this.#request.untilEnd) void this.finish();
  }

  #refused(message: string, track?: Track): void {
    if (message === this.#refusal) return;
    this.#refusal = message;
    this.#reason = message;
    const { channel, unattended } = this.#request;
    const where = `channel ${channel}`;
    // A user learns at once; a part of the channel is not what was requested.
    if (unattended) this.#tell({ type: "refused", message });
    else {
      const isHeld = track !== undefined && recordingRefusal(track, "mkv") === undefined;
      const next = isHeld
        ? { next: `record to a file that ends in .mkv, which holds every codec` }
        : {};
      this.#fail(new MeanderError("recording-unsupported", message, { where, ...next }));
    }
  }

  /** The channel has lost its publisher, or had none from the start; told once each time. */
  #waitForPublisher(): void {
    if (!this.#hasPublisher) return;
    this.#hasPublisher = false;
    const reason = "the channel has no publisher now";
    this.#reason = reason;
    this.#tell({ type: "waiting", reason });
  }

  #state(state: ClientState): void {
    this.#stall = state.type === "stalled" ? describeStall(state) : undefined;
    if (this.#stall !== undefined) this.#tell({ type: "waiting", reason: this.#stall });
    if (state.type === "lost") this.#tell({ type: "disconnected", reason: state.reason });
    if (state.type !== "refused") return;
    const { code, message } = state;
    this.#reason = message;
    const { channel, unattended } = this.#request;
    const isFinal = isAboutToken(code) || (!unattended && this.#segmenter.totals.files === 0);
    if (isFinal) this.#fail(new MeanderError(code, message, { where: `channel ${channel}` }));
    else this.#tell({ type: "disconnected", reason: message });
  }

  #failed(error: unknown, path: string | undefined): void {
    const { cause, message } = describeDiskError(error);
    this.#isBlocked = true;
    this.#reason = message;
    const pause = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** this.#failures++);
    const retryMs = this.#request.onError === "retry" ? pause : null;
    this.#tell({ type: "failed", file: path ?? null, cause, message, retryMs });
    if (retryMs === null) {
      const where = path ?? this.#request.to;
      const next = "make room, or name another place; what was written can be read";
      this.#fail(
        new MeanderError("recording-failed", `${message} (${cause})`, {
          where,
          next,
          cause: error,
        }),
      );
      return;
    }
    this.#cancelRetry?.();
    this.#cancelRetry = this.#ports.clock.after("retry a recording", retryMs, () => {
      this.#prune();
      this.#isBlocked = false;
      this.#segmenter.unblock();
    });
  }

  #prune(): void {
    try {
      for (const file of this.#files.prune()) this.#tell({ type: "removed", file });
    } catch (error) {
      const { cause, message } = describeDiskError(error);
      this.#tell({ type: "failed", file: null, cause, message, retryMs: null });
    }
  }
}

/** Media that publishers have announced and that are not described, since nothing of them has come. */
function announcedMedia({ tracks }: Description): number[] {
  const described = new Set(tracks.map(({ medium }) => medium));
  const announced = tracks
    .filter(({ kind }) => kind === "audio" || kind === "video")
    .flatMap(({ companions = [] }) => companions);
  return [...new Set(announced)].filter((medium) => !described.has(medium));
}
