import type { Clock } from "../../base/index.ts";
import type { Container } from "./container.ts";
import type { SegmentEnd } from "./open-segments.ts";
import type { SegmentFacts } from "./segment.ts";
import type { SegmentFile } from "./segment-file.ts";

export interface SegmenterEvents {
  onStarted(facts: SegmentFacts): void;
  /** The file is complete. */
  onFinished(facts: SegmentFacts, reason: SegmentEnd): void;
  /**
   * The file could not be created or written; `facts` describe what was written. Nothing is recorded until
   * `Segmenter.unblock`.
   */
  onFailed(error: unknown, facts: SegmentFacts | undefined): void;
  /** The recording has reached its length. */
  onEnough(): void;
}

export interface SegmenterOptions {
  readonly container: Container;
  /** A file ends at the first key frame after this, ms; infinite: never. */
  readonly segmentMs: number;
  /** Ends after this much was recorded, ms; infinite: never. */
  readonly durationMs: number;
  /** Title in the files. */
  readonly title: string;
  readonly clock: Clock;
  /** Creates the next file. */
  openFile(): { readonly path: string; readonly file: SegmentFile };
  readonly events: SegmenterEvents;
}
