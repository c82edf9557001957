import type { TrackBuffer } from "./track-buffer.ts";

/** A track that is silent for this long while others go on does not delay them, ms. */
const SILENT_MS = { audio: 5_000, video: 30_000 } as const;
/** For this long that has to be noticed, ms. */
const NOTICED_MS = 1_000;

/** When the newest frame of all these tracks arrived, ms; -Infinity: there are none. */
export function newestArrival(buffers: Iterable<TrackBuffer>): number {
  return Math.max(...Array.from(buffers, ({ lastAt }) => lastAt));
}

/** Whether a channel has stopped, not one of its tracks alone. */
export function areAllSilent(open: readonly TrackBuffer[], nowMs: number): boolean {
  return nowMs - newestArrival(open) >= SILENT_MS.video;
}

/** Of the tracks of a file, those for which the others need not wait any longer. */
export function silentAmong(open: readonly TrackBuffer[], nowMs: number): TrackBuffer[] {
  const newest = newestArrival(open);
  return open.filter((buffer) => {
    const isSilent = newest - buffer.lastAt >= SILENT_MS[buffer.isVideo ? "video" : "audio"];
    // What came while this process was held up is not read at once.
    if (!isSilent) buffer.silentSince = undefined;
    else buffer.silentSince ??= nowMs;
    return nowMs - (buffer.silentSince ?? nowMs) >= NOTICED_MS;
  });
}
