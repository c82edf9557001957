import type { Container } from "./container.ts";
import type { SegmentFile } from "./segment-file.ts";
import { SegmentWriter } from "./segment-writer.ts";
import type { Sample, TrackBuffer } from "./track-buffer.ts";
import { isSameCoding, type TrackFormat } from "./track-format.ts";

/** Facts about a file. */
export interface SegmentFacts {
  readonly path: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly frames: number;
  /** `h264 640x360`, `opus 48000 Hz`. */
  readonly tracks: readonly string[];
}

export interface SegmentOptions {
  readonly path: string;
  readonly file: SegmentFile;
  readonly container: Container;
  readonly title: string;
  /** Channel time of the file's beginning, ms. */
  readonly startMs: number;
  /** With their formats known. */
  readonly buffers: readonly TrackBuffer[];
  /** Whether parameter sets may stand among the frames, so that other ones need no other file. */
  readonly setsInBand: boolean;
  onFailed(error: unknown): void;
}

/** Why a file does not take a frame. */
export type Refusal = "before-key" | "leading" | "out-of-order" | "unreadable";

/** A file and the buffers whose frames are written to it. */
export class Segment {
  readonly path: string;
  readonly startMs: number;
  readonly #writer: SegmentWriter;
  readonly #buffers: readonly TrackBuffer[];
  readonly #tracks: readonly string[];
  readonly #formats: ReadonlyMap<TrackBuffer, TrackFormat>;
  readonly #setsInBand: boolean;
  /** The buffers that still add frames. */
  readonly #open: Set<TrackBuffer>;
  /** Of each buffer, the key frame that it began with, while no other has come. */
  readonly #entries = new Map<TrackBuffer, Sample | undefined>();

  constructor(options: SegmentOptions) {
    const { path, file, container, title, startMs, buffers, setsInBand, onFailed } = options;
    const formats = buffers.map(({ format }) => format as TrackFormat);
    const facts = buffers.map(({ track }) => track);
    this.path = path;
    this.startMs = startMs;
    this.#buffers = buffers;
    this.#open = new Set(buffers);
    this.#tracks = buffers.map(describe);
    this.#setsInBand = setsInBand;
    this.#formats = new Map(
      buffers.map((buffer, index) => [buffer, formats[index] as TrackFormat]),
    );
    this.#writer = new SegmentWriter({
      ...{ file, container, formats, facts, title, setsInBand, onFailed },
    });
  }

  get facts(): SegmentFacts {
    const { seconds, bytes, frames } = this.#writer;
    return { path: this.path, seconds, bytes, frames, tracks: this.#tracks };
  }

  /** True once the file contains more than its head. */
  get hasMedia(): boolean {
    return this.#writer.hasMedia;
  }

  get waitingBytes(): number {
    return this.#writer.waitingBytes;
  }

  get unwrittenBytes(): number {
    return this.#writer.unwrittenBytes;
  }

  /** Frames that were accepted and are not in the file, since writing it failed. */
  get lostFrames(): number {
    return this.#writer.lostFrames;
  }

  /** The buffers that still add frames. */
  get open(): ReadonlySet<TrackBuffer> {
    return this.#open;
  }

  /** True while frames of the buffer belong to this file. */
  has(buffer: TrackBuffer): boolean {
    return this.#open.has(buffer);
  }

  /** Whether frames of the buffer in that format can be in this file. */
  accepts(buffer: TrackBuffer, format: TrackFormat): boolean {
    const own = this.#formats.get(buffer);
    if (own === undefined || own === format) return own !== undefined;
    return this.#setsInBand && isSameCoding(own, format);
  }

  /**
   * Adds the buffer's next frame, presented at `ms` of the channel's time.
   *
   * @returns why it is left out; undefined: it is not
   */
  add(buffer: TrackBuffer, sample: Sample, ms: number): Refusal | undefined {
    const { key } = sample;
    const isFirst = !this.#entries.has(buffer);
    const format = this.#formats.get(buffer);
    const isKnown = format !== undefined && this.accepts(buffer, sample.format);
    if ((isFirst && !key) || !isKnown) return "before-key";
    // A decoder that begins with this file has not seen what these refer to.
    const entry = this.#entries.get(buffer);
    if (sample.isLeading && entry !== undefined && !entry.isCleanStart) return "leading";
    const seconds = (ms - this.startMs) / 1000;
    if (seconds < 0) return "out-of-order";
    const bytes = buffer.formatter.sampleOf(sample.bytes, format);
    if (bytes === undefined || bytes.byteLength === 0) return "unreadable";
    if (isFirst || key) this.#entries.set(buffer, isFirst ? sample : undefined);
    const duration = buffer.durationOf(sample, ms);
    this.#writer.add(this.#buffers.indexOf(buffer), { bytes, key, seconds, duration });
    return undefined;
  }

  /** No further frame of the buffer belongs to this file. */
  end(buffer: TrackBuffer): void {
    if (this.#open.delete(buffer)) this.#writer.end(this.#buffers.indexOf(buffer));
  }

  /** Settles when the file is complete, or has failed. */
  finish(): Promise<void> {
    return this.#writer.finish();
  }
}

function describe({ track, format }: TrackBuffer): string {
  if (format?.kind === "video") return `${track.codec} ${format.width}x${format.height}`;
  return `${track.codec} ${format?.sampleRate} Hz`;
}
