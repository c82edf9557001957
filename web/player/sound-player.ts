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
  #isOpen = false;
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

  /**
   * Opens the audio output, as soon as there is sound for it. The first time that blocks the page, for half a second
   * where the machine is busy; sound that is due before is discarded.
   *
   * @returns false: it was open
   */
  open(): boolean {
    if (this.#isOpen) return false;
    this.#isOpen = true;
    this.#prepare();
    return true;
  }

  /** Switches to another source. */
  start(track: Track, source: SourceTimeline): void {
    this.stop();
    this.#track = new AudioTrack(track, {
      onUnsupported: (codecString) => this.#onUnsupported(noDecoder(track.codec, codecString)),
      onSound: (data, ticks) => this.#play(data, ticks, source),
    });
    this.#prepare();
  }

  /** Decodes the next packet of the source that was started. */
  push(frame: EncodedFrame): void {
    this.#track?.push(frame);
  }

  /** Media time starts over. */
  clear(): void {
    this.#output.reset();
    this.#heard = undefined;
  }

  /** There is no more sound. */
  stop(): void {
    this.#pastDropped = this.framesDropped;
    this.#pastErrors = this.decodeErrors;
    this.#track?.close();
    this.#track = undefined;
    this.clear();
  }

  #prepare(): void {
    if (this.#isOpen && this.#track !== undefined) this.#output.prepare(this.#track.sampleRate);
  }

  #play(data: AudioData, ticks: number, source: SourceTimeline): void {
    const nowMs = this.#now();
    const mediaMs = this.#timeline.mediaMsOf(source, ticks);
    const playAtMs = mediaMs === undefined ? undefined : this.#clock.playAt(mediaMs);
    if (
      !this.#isOpen ||
      mediaMs === undefined ||
      playAtMs === undefined ||
      !this.#clock.settled(nowMs)
    ) {
      data.close();
      return;
    }
    const { latencyMs } = this.#output;
    if (latencyMs !== undefined) this.#clock.ready("audio", mediaMs, nowMs, latencyMs);
    const at = this.#output.play({ data, position: source.msOf(ticks) / 1000, playAtMs }, nowMs);
    if (at !== undefined) this.#heard = { at, mediaMs, ingestMs: source.ingestMsOf(ticks) };
  }
}
