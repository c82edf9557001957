import type {
  EncodedFrame,
  MediaTimeline,
  PlayoutClock,
  SourceTimeline,
} from "../../src/channel/playout/index.ts";
import type { Track } from "../../src/wire/index.ts";
import type { AudioOutput } from "./audio-output.ts";
import { AudioTrack } from "./audio-track.ts";
import { noDecoder } from "./capability.ts";

/** Sound that was heard longer ago than this says nothing about now, ms. */
const FRESH_MS = 1_000;

/** What was last scheduled to be heard. */
export interface Heard {
  /** ms, local. */
  readonly at: number;
  readonly mediaMs: number;
  /** ms of the ingest's clock. */
  readonly ingestMs: number | undefined;
}

/** Decodes sound and has it played when it is due. */
export class SoundPlayer {
  readonly #timeline: MediaTimeline;
  readonly #clock: PlayoutClock;
  readonly #output: AudioOutput;
  readonly #now: () => number;
  readonly #onUnsupported: (message: string) => void;
  #track: AudioTrack | undefined;
  #heard: Heard | undefined;
  #pastDropped = 0;
  #pastErrors = 0;

  /** @param options `now` ms on performance.now; `output` is borrowed */
  constructor(options: {
    readonly timeline: MediaTimeline;
    readonly clock: PlayoutClock;
    readonly output: AudioOutput;
    readonly now: () => number;
    readonly onUnsupported: (message: string) => void;
  }) {
    this.#timeline = options.timeline;
    this.#clock = options.clock;
    this.#output = options.output;
    this.#now = options.now;
    this.#onUnsupported = options.onUnsupported;
  }

  get framesDropped(): number {
    return this.#pastDropped + (this.#track?.framesDropped ?? 0);
  }

  get decodeErrors(): number {
    return this.#pastErrors + (this.#track?.errors ?? 0);
  }

  get codecString(): string {
    return this.#track?.codecString ?? "";
  }

  /** Undefined while nothing is heard. */
  heard(nowMs: number): Heard | undefined {
    return this.#heard !== undefined && nowMs - this.#heard.at < FRESH_MS ? this.#heard : undefined;
  }

  /** Goes over to another source. */
  start(track: Track, source: SourceTimeline): void {
    this.stop();
    this.#track = new AudioTrack(track, {
      onUnsupported: (codecString) => this.#onUnsupported(noDecoder(track.codec, codecString)),
      onSound: (data, ticks) => this.#play(data, ticks, source),
    });
    this.#output.prepare(this.#track.sampleRate);
  }

  /** Takes the next packet of the source that was started. */
  push(frame: EncodedFrame): void {
    this.#track?.push(frame);
  }

  /** Media time begins anew. */
  clear(): void {
    this.#output.reset();
    this.#heard = undefined;
  }

  /** No sound any more. */
  stop(): void {
    this.#pastDropped = this.framesDropped;
    this.#pastErrors = this.decodeErrors;
    this.#track?.close();
    this.#track = undefined;
    this.clear();
  }

  #play(data: AudioData, ticks: number, source: SourceTimeline): void {
    const nowMs = this.#now();
    const mediaMs = this.#timeline.mediaMsOf(source, ticks);
    const playAtMs = mediaMs === undefined ? undefined : this.#clock.playAt(mediaMs);
    if (mediaMs === undefined || playAtMs === undefined || !this.#clock.settled(nowMs)) {
      data.close();
      return;
    }
    const { latencyMs } = this.#output;
    if (latencyMs !== undefined) this.#clock.ready("audio", mediaMs, nowMs, latencyMs);
    const at = this.#output.play({ data, position: source.msOf(ticks) / 1000, playAtMs }, nowMs);
    if (at !== undefined) this.#heard = { at, mediaMs, ingestMs: source.ingestMsOf(ticks) };
  }
}
