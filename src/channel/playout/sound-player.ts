import type { Track } from "../../wire/index.ts";
import { AudioSchedule } from "./audio-schedule.ts";
import { AudioTrack } from "./audio-track.ts";
import type { MediaTimeline } from "./media-timeline.ts";
import type { PlayoutClock } from "./playout-clock.ts";
import type { AudioDecoders, MediaDecoders, Sound, SoundOutput } from "./ports.ts";
import type { SourceTimeline } from "./source-timeline.ts";
import type { EncodedFrame } from "./track-feed.ts";

/** Sound this late, ms, is not decoded: it would keep the decoder from what is in time. */
const LATE_MS = 500;
/** How long sound counts as just heard, ms. */
const FRESH_MS = 1_000;

/** The sound that was scheduled last. */
export interface Heard {
  /** ms, local. */
  readonly at: number;
  readonly mediaMs: number;
  /** ms of the ingest's clock. */
  readonly ingestMs: number | undefined;
}

/**
 * Decodes sound and plays it when it is due. It follows the playout clock and never holds it: while the output cannot
 * play, sound is thrown away and the picture continues.
 */
export class SoundPlayer<S extends Sound> {
  readonly #decoders: AudioDecoders<S> & Pick<MediaDecoders<never, S>, "missing">;
  readonly #timeline: MediaTimeline;
  readonly #clock: PlayoutClock;
  readonly #output: SoundOutput<S>;
  readonly #now: () => number;
  readonly #onUnsupported: (message: string) => void;
  readonly #schedule = new AudioSchedule();
  /** Of the output that the schedule is for. */
  #generation = 0;
  #isOpen = false;
  #source: SourceTimeline | undefined;
  #track: AudioTrack<S> | undefined;
  #heard: Heard | undefined;
  #pastDropped = 0;
  #pastErrors = 0;

  /** @param options `now` ms, monotonic; `output` stays the caller's */
  constructor(options: {
    readonly decoders: AudioDecoders<S> & Pick<MediaDecoders<never, S>, "missing">;
    readonly timeline: MediaTimeline;
    readonly clock: PlayoutClock;
    readonly output: SoundOutput<S>;
    readonly now: () => number;
    readonly onUnsupported: (message: string) => void;
  }) {
    this.#decoders = options.decoders;
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

  /** Undefined while no sound plays. */
  heard(nowMs: number): Heard | undefined {
    return this.#heard !== undefined && nowMs - this.#heard.at < FRESH_MS ? this.#heard : undefined;
  }

  /**
   * Opens the audio output, as soon as there is sound for it. The first time that may block the program, for half a
   * second where the machine is busy; sound that is due before is discarded.
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
    this.#source = source;
    this.#track = new AudioTrack(track, this.#decoders, {
      onUnsupported: (codecString) =>
        this.#onUnsupported(this.#decoders.missing(track.codec, codecString)),
      onSound: (sound, ownMs) => {
        if (!this.#play(sound, ownMs, source)) sound.close();
      },
    });
    this.#prepare();
  }

  /** Decodes the next packet of the source that was started. @param ownMs its time there, ms */
  push(frame: EncodedFrame, ownMs: number): void {
    if (this.#source === undefined) return;
    const mediaMs = this.#timeline.mediaMsOf(this.#source, ownMs) ?? 0;
    const playAt = this.#clock.playAt("audio", mediaMs);
    if (playAt !== undefined && this.#now() - playAt > LATE_MS) this.#pastDropped++;
    else this.#track?.push(frame, ownMs);
  }

  /** There is no more sound. */
  stop(): void {
    this.#pastDropped = this.framesDropped;
    this.#pastErrors = this.decodeErrors;
    this.#track?.close();
    this.#track = undefined;
    this.#output.silenceFrom(0);
    this.#schedule.reset();
    this.#heard = undefined;
  }

  #prepare(): void {
    if (this.#isOpen && this.#track !== undefined) this.#output.prepare(this.#track.sampleRate);
  }

  /** False: it is not played, and stays the caller's. */
  #play(sound: S, ownMs: number, source: SourceTimeline): boolean {
    const nowMs = this.#now();
    const mediaMs = this.#timeline.mediaMsOf(source, ownMs);
    const playAtMs = mediaMs === undefined ? undefined : this.#clock.playAt("audio", mediaMs);
    if (!this.#isOpen || mediaMs === undefined || playAtMs === undefined) return false;
    if (!this.#clock.settled(nowMs, "audio")) return false;
    this.#output.prepare(sound.sampleRate);
    const { generation, latencyMs, now } = this.#output;
    if (generation !== this.#generation) this.#schedule.reset();
    this.#generation = generation;
    if (latencyMs === undefined) return false;
    this.#clock.ready("audio", mediaMs, nowMs, latencyMs);
    const placement = this.#schedule.place({
      position: ownMs / 1000,
      wantedAt: now + (playAtMs - nowMs - latencyMs) / 1000,
      now,
    });
    if (placement === undefined) return false;
    if (placement.moved) this.#output.silenceFrom(placement.at);
    this.#output.start(sound, placement.at);
    const at = nowMs + (placement.at - now) * 1000 + latencyMs;
    this.#heard = { at, mediaMs, ingestMs: this.#timeline.ingestMsOf(source, ownMs) };
    return true;
  }
}
