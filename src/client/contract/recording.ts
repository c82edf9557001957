import type { RecordedTotals, SegmentEnd } from "../../media/record/index.ts";

/** A recording to make. Structured-cloneable. */
export interface RecordRequest {
  readonly channel: string;
  /** Path of the files with its placeholders. */
  readonly to: string;
  /** The folder that its files cannot leave, by no link either; undefined: they may be anywhere. */
  readonly below?: string | undefined;
  /** Makes missing folders, and picks another name when a file exists: for unattended recordings. */
  readonly unattended: boolean;
  /** A file ends at the first key frame after this, s; undefined: never. */
  readonly segmentSeconds: number | undefined;
  /** Ends after so much, s; undefined: never. */
  readonly durationSeconds: number | undefined;
  /** Ends when the channel's publisher has ended. */
  readonly untilEnd: boolean;
  /** Files kept; the oldest go. */
  readonly keepSegments: number | undefined;
  /** Bytes of files kept; the oldest go. */
  readonly maxBytes: number | undefined;
  /** When the disk refuses: retry with growing pauses, or end. */
  readonly onError: "retry" | "stop";
}

/** What happens in a recording. */
export type RecordEvent =
  | { readonly type: "waiting"; readonly reason: string }
  | { readonly type: "started"; readonly file: string; readonly tracks: readonly string[] }
  | {
      readonly type: "finished";
      readonly file: string;
      readonly seconds: number;
      readonly bytes: number;
      readonly frames: number;
      readonly reason: SegmentEnd;
    }
  /** The disk refused; `retryMs` null: no further attempt. */
  | {
      readonly type: "failed";
      readonly file: string | null;
      /** The system's: `ENOSPC`. */
      readonly cause: string;
      readonly message: string;
      readonly retryMs: number | null;
    }
  /** A track, or the whole channel, cannot be recorded. */
  | { readonly type: "refused"; readonly message: string }
  /** An old file was removed, to stay within the limits. */
  | { readonly type: "removed"; readonly file: string }
  /** The site was lost, or refused; the recorder continues at another or tries again. */
  | { readonly type: "disconnected"; readonly reason: string };

/** How a recording is doing. */
export interface RecordStatus extends RecordedTotals {
  readonly channel: string;
  readonly state: "waiting" | "recording" | "blocked" | "ended";
  /** The file that is written now. */
  readonly file: string | null;
  /** Frames that are in no file, by reason. */
  readonly drops: Readonly<Record<string, number>>;
  /** Why it is not recording, or not everything of the channel. */
  readonly reason: string | null;
}
