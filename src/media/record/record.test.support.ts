import { BufferSource, EncodedPacketSink, Input, MATROSKA, MP4, QTFF, WEBM } from "mediabunny";
import { VirtualClock } from "../../base/index.ts";
import { SourceTimeline } from "../../channel/playout/index.ts";
import type { Track } from "../../wire/index.ts";
import { ClipReader } from "../files/clip-reader.ts";
import { demoClipPath } from "../files/demo-clip.ts";
import type { Container } from "./container.ts";
import type { SegmentEnd } from "./open-segments.ts";
import { RecordTimeline } from "./record-timeline.ts";
import type { SegmentFacts } from "./segment.ts";
import type { SegmentFile } from "./segment-file.ts";
import { Segmenter } from "./segmenter.ts";
import type { SegmenterOptions } from "./segmenter-options.ts";
import { SteadyClock } from "./steady-clock.ts";
import type { TrackBuffer } from "./track-buffer.ts";

/** A file in memory, which may refuse to grow. */
export class MemoryFile implements SegmentFile {
  isClosed = false;
  /** Capacity, bytes; a write beyond it fails after writing what fits. */
  room = Number.POSITIVE_INFINITY;
  /** Writes wait for it. */
  gate: Promise<void> = Promise.resolve();
  #held = new Uint8Array(1_000_000);
  #length = 0;

  /** Its current contents. */
  get bytes(): Uint8Array {
    return this.#held.slice(0, this.#length);
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    await this.gate;
    const fits = Math.min(data.byteLength, Math.max(0, this.room - position));
    this.#length = Math.max(this.#length, position + fits);
    if (this.#length > this.#held.byteLength) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#held);
      this.#held = larger;
    }
    this.#held.set(data.subarray(0, fits), position);
    if (fits < data.byteLength)
      throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  }

  truncate(bytes: number): void {
    this.#length = Math.min(this.#length, bytes);
  }

  close(): void {
    this.isClosed = true;
  }

  remove(): void {
    this.isClosed = true;
    this.#length = 0;
  }
}

/** A frame of the demo's clip. */
export interface ClipSample {
  readonly kind: "video" | "audio";
  readonly bytes: Uint8Array;
  readonly key: boolean;
  /** s, >= 0 */
  readonly seconds: number;
}

/** The demo's clip, 10 s of H.264 at 30 frames a second and Opus in packets of 20 ms, in decoding order. */
export async function clipSamples(): Promise<ClipSample[]> {
  const clip = await ClipReader.open(demoClipPath());
  const samples: ClipSample[] = [];
  for (const [index, { kind }] of clip.tracks.entries()) {
    for await (const { bytes, key, presentation } of clip.frames(index)) {
      if (presentation >= 0) samples.push({ kind, bytes, key, seconds: presentation });
    }
  }
  clip.close();
  return samples.sort((left, right) => left.seconds - right.seconds);
}

export const VIDEO: Track = {
  ...{ medium: 2, kind: "video", source: 1, generation: 0 },
  ...{ codec: "h264", payloadType: 96, clockRate: 90_000 },
};
export const AUDIO: Track = {
  ...{ medium: 1, kind: "audio", source: 2, generation: 0 },
  ...{ codec: "opus", payloadType: 97, clockRate: 48_000, channels: 2 },
};

/** A segmenter with files in memory, and all its events. */
export class Recording {
  readonly clock = new VirtualClock();
  readonly files: { readonly path: string; readonly file: MemoryFile }[] = [];
  readonly told: string[] = [];
  readonly finished: { readonly facts: SegmentFacts; readonly reason: SegmentEnd }[] = [];
  readonly segmenter: Segmenter;
  readonly #timeline = new RecordTimeline();
  /** Capacity of the next files. */
  room = Number.POSITIVE_INFINITY;
  gate: Promise<void> = Promise.resolve();

  constructor(container: Container, options: Partial<SegmenterOptions> = {}) {
    this.segmenter = new Segmenter({
      ...{ container, title: "clip", clock: this.clock },
      segmentMs: Number.POSITIVE_INFINITY,
      durationMs: Number.POSITIVE_INFINITY,
      openFile: () => {
        const file = new MemoryFile();
        file.room = this.room;
        file.gate = this.gate;
        const path = `rec-${this.files.length + 1}.${container}`;
        this.files.push({ path, file });
        return { path, file };
      },
      events: {
        onStarted: ({ path }) => void this.told.push(`started ${path}`),
        onFinished: (facts, reason) => {
          this.finished.push({ facts, reason });
          this.told.push(`finished ${facts.path}: ${reason}`);
        },
        onFailed: (error, facts) =>
          void this.told.push(`failed ${facts?.path}: ${(error as { code?: string }).code}`),
        onEnough: () => void this.told.push("enough"),
      },
      ...options,
    });
  }

  /** Opens a track whose publisher reported that its ticks began at time 0. @param isReported false: it has not yet */
  open(track: Track, startTicks = 0, isReported = true): TrackBuffer {
    const source = new SourceTimeline(track.clockRate);
    const sender = { ntpMs: 1_000_000, rtpTimestamp: startTicks };
    source.unwrap(startTicks);
    if (isReported)
      this.#timeline.report(source, { ingestMs: 5_000, rtpTimestamp: startTicks, sender }, 0);
    const buffer = this.segmenter.open(track, new SteadyClock(this.#timeline, source));
    if (buffer === undefined) throw new Error(`${track.codec} cannot be recorded`);
    return buffer;
  }

  /** Lets time pass until a sample of the clip is due, and adds it. */
  async play(buffer: TrackBuffer, sample: ClipSample): Promise<void> {
    const due = sample.seconds * 1000 - this.clock.now();
    if (due > 0) this.clock.advance(due);
    const ticks = Math.round(sample.seconds * buffer.track.clockRate);
    this.segmenter.tick();
    this.segmenter.frame(buffer, { bytes: sample.bytes, key: sample.key, ticks });
  }
}

/** The contents of a file, as read by mediabunny. */
export async function readBack(bytes: Uint8Array): Promise<
  {
    readonly codec: string | null;
    readonly times: readonly number[];
    readonly keys: number;
    readonly sizes: readonly number[];
  }[]
> {
  const input = new Input({
    formats: [MP4, QTFF, WEBM, MATROSKA],
    source: new BufferSource(bytes),
  });
  const tracks = [];
  for (const track of await input.getTracks()) {
    const times: number[] = [];
    const sizes: number[] = [];
    let keys = 0;
    for await (const packet of new EncodedPacketSink(track).packets()) {
      times.push(packet.timestamp);
      sizes.push(packet.byteLength);
      if (packet.type === "key") keys++;
    }
    tracks.push({ codec: await track.getCodec(), times, keys, sizes });
  }
  input.dispose();
  return tracks;
}
