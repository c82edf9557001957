import type { Container } from "./container.ts";
import type { SegmentFile } from "./segment-file.ts";
import { SegmentWriter } from "./segment-writer.ts";
import type { Sample, TrackBuffer } from "./track-buffer.ts";
import type { TrackFormat } from "./track-format.ts";

/** What is told of a file. */
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

/** A file with the buffers that go into it. */
export class Segment {
  readonly path: string;
  readonly startMs: number;
  readonly #writer: SegmentWriter;
  readonly #buffers: readonly TrackBuffer[];
  readonly #tracks: readonly string[];
  /** Of the buffers that still go on. */
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

  /** True once there is more in the file than that it is one. */
  get hasMedia(): boolean {
    return this.#writer.hasMedia;
  }

  get waitingBytes(): number {
    return this.#writer.waitingBytes;
  }

  get unwrittenBytes(): number {
    return this.#writer.unwrittenBytes;
  }

  /** Lanes that still go on in it. */
  get open(): ReadonlySet<TrackBuffer> {
    return this.#open;
  }

  /** True while the buffer goes on in this file. */
  has(buffer: TrackBuffer): boolean {
    return this.#open.has(buffer);
  }

  /** Takes the buffer's next frame, presented at `ms` of the channel's time. False when its time does not fit the file. */
  add(buffer: TrackBuffer, sample: Sample, ms: number): boolean {
    const seconds = (ms - this.startMs) / 1000;
    if (seconds < 0) return false;
    const { bytes, key } = sample;
    const duration = buffer.durationOf(sample, ms);
    return this.#writer.add(this.#buffers.indexOf(buffer), { bytes, key, seconds, duration });
  }

  /** The buffer does not go on in it. */
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
