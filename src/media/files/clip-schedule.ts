import type { ClipFrame, ClipReader, ClipTrack } from "./clip-reader.ts";
import type { Decodable } from "./decode-order.ts";

/** A frame and when it is due. Times are seconds since publishing began, across rounds. */
export interface ScheduledFrame {
  /** Index among the clip's tracks. */
  readonly track: number;
  readonly bytes: Uint8Array;
  readonly key: boolean;
  /** When it is presented, >= 0. */
  readonly presentation: number;
  /** When it is sent; slightly negative where frames are reordered. */
  readonly decode: number;
}

/** Tracks whose lengths differ by less are meant to be equal, seconds: audio consists of whole packets. */
const SAME_SECONDS = 0.1;
/** Times that differ by less are the same, seconds: a fraction of an audio sample. */
const EPSILON = 0.000_01;

/** Seconds from one round to the next: the video's length, or that of the longest track when they differ visibly. */
export function roundSeconds(tracks: readonly ClipTrack[]): number {
  const lengths = tracks.map(({ endSeconds, firstSeconds }) => endSeconds - firstSeconds);
  const longest = Math.max(...lengths);
  const video = lengths[tracks.findIndex(({ kind }) => kind === "video")];
  return video !== undefined && longest - video < SAME_SECONDS ? video : longest;
}

/**
 * The frames of a clip, of all tracks, in the order they are sent.
 *
 * @param options.loop true: repeats without end, with continuous times; frames that reach into the next round are left
 * out
 */
export async function* clipSchedule(
  clip: Pick<ClipReader, "tracks" | "frames">,
  { loop }: { readonly loop: boolean },
): AsyncGenerator<ScheduledFrame, void, void> {
  const first = Math.min(...clip.tracks.map(({ firstSeconds }) => firstSeconds));
  const length = roundSeconds(clip.tracks);
  for (let round = 0; ; round++) {
    const shift = round * length - first;
    yield* oneRound(clip, (track, frame) => {
      if (loop && frame.presentation - track.firstSeconds >= length - EPSILON) return undefined;
      return { presentation: frame.presentation + shift, decode: frame.decode + shift };
    });
    if (!loop) return;
  }
}

async function* oneRound(
  clip: Pick<ClipReader, "tracks" | "frames">,
  timesOf: (
    track: ClipTrack,
    frame: Decodable<ClipFrame>,
  ) => { presentation: number; decode: number } | undefined,
): AsyncGenerator<ScheduledFrame, void, void> {
  const readers = clip.tracks.map((_track, index) => clip.frames(index));
  const next = async (index: number): Promise<ScheduledFrame | undefined> => {
    for (;;) {
      const result = await readers[index]?.next();
      if (result === undefined || result.done === true) return undefined;
      const times = timesOf(clip.tracks[index] as ClipTrack, result.value);
      if (times === undefined) continue;
      const { bytes, key } = result.value;
      return { track: index, bytes, key, ...times };
    }
  };
  try {
    const heads = await Promise.all(readers.map((_reader, index) => next(index)));
    for (;;) {
      let soonest: ScheduledFrame | undefined;
      for (const head of heads) {
        if (head !== undefined && (soonest === undefined || head.decode < soonest.decode)) {
          soonest = head;
        }
      }
      if (soonest === undefined) return;
      yield soonest;
      heads[soonest.track] = await next(soonest.track);
    }
  } finally {
    for (const reader of readers) await reader.return();
  }
}
