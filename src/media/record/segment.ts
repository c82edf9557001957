import type { Container } from "./container.ts";
import type { SegmentFile } from "./segment-file.ts";
import { SegmentWriter } from "./segment-writer.ts";
import type { Sample, TrackBuffer } from "./track-buffer.ts";
import type { TrackFormat } from "./track-format.ts";

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
  onFailed(error: unknown): void;
}

/** A file and the buffers whose frames are written to it. */
export class Segment {
  readonly path: string;
  readonly startMs: number;
  readonly #writer: SegmentWriter;
  readonly #buffers: readonly TrackBuffer[];
  readonly #tracks: readonly string[];
  /** The buffers that still add frames. */
  readonly #open: Set<TrackBuffer>;

  constructor(options: SegmentOptions) {
    const { path, file, container, title, startMs, buffers, onFailed } = options;
    const formats = buffers.map(({ format }) => format as TrackFormat);
    this.path = path;
    this.startMs = startMs;
    this.#buffers = buffers;
    this.#open = new Set(buffers);
    this.#tracks = buffers.map(describe);
    this.#writer = new SegmentWriter({ file, container, formats, title, onFailed });
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

  /** Number of buffers that still add frames. */
  get open(): ReadonlySet<TrackBuffer> {
    return this.#open;
  }

  /** True while frames of the buffer belong to this file. */
  has(buffer: TrackBuffer): boolean {
    return this.#open.has(buffer);
  }

  /**
   * Adds the buffer's next frame, presented at `ms` of the channel's time.
   *
   * @returns false when its time does not fit
   */
  add(buffer: TrackBuffer, sample: Sample, ms: number): boolean {
    const seconds = (ms - this.startMs) / 1000;
    if (seconds < 0) return false;
    const { bytes, key } = sample;
    const duration = buffer.durationOf(sample, ms);
    return this.#writer.add(this.#buffers.indexOf(buffer), { bytes, key, seconds, duration });
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
