import type { IngestReport, SourceTimeline } from "./source-timeline.ts";
import { type TracksInCommon, TrackTime } from "./track-time.ts";

/**
 * The publisher's clock tells that a track is by this much more delayed than another one, at most: beyond, the tracks
 * have different clocks, ms.
 */
const SAME_CLOCK_MS = 1_500;
/** A correction of lip-sync changes the pace of a track by at most this share. */
const SLEW = 0.1;
/** A larger correction is a step, ms. */
const SLEW_MS_MAX = 250;
/** A track this young may be corrected by a step: nothing of it was noticed yet, ms. */
const YOUNG_MS = 2_000;
/** Less is not worth a correction, ms. */
const TOLERANCE_MS = 2;

interface Member {
  readonly kind: "audio" | "video";
  readonly time: TrackTime;
  /** Media time minus own time, ms; undefined before the first frame. */
  offsetMs: number | undefined;
  startedAt: number;
  movedAt: number;
}

/**
 * One media time for all tracks of a channel, in which what was captured together is together.
 *
 * Each track keeps its own time, which nothing but its frames moves. Reports tell how the tracks relate: by the
 * publisher's clock if they share one, else by their arrival at the ingest, which an encoder's delay falsifies, and
 * without reports by their arrival here. They are evidence, not orders: one that is far off has no effect, and a
 * lasting change is followed slowly, by moving the pictures against the sound.
 */
export class MediaTimeline {
  readonly #members = new Map<SourceTimeline, Member>();
  /** Tracks that ended: media of theirs may still be on its way through a decoder. */
  readonly #past = new WeakMap<SourceTimeline, Member>();
  readonly #common: TracksInCommon = { standstill: undefined };
  /** Arrival minus media time of the track that ended last, ms: the next one continues there. */
  #transitMs = 0;

  /** A track begins. */
  open(source: SourceTimeline, kind: "audio" | "video"): void {
    const time = this.#members.get(source)?.time ?? new TrackTime(source, this.#common);
    this.#members.set(source, { kind, time, offsetMs: undefined, startedAt: 0, movedAt: 0 });
  }

  /** The track ended: it says nothing about others any more. */
  close(source: SourceTimeline, nowMs: number): void {
    const member = this.#members.get(source);
    if (member === undefined) return;
    this.#members.delete(source);
    this.#past.set(source, member);
    const floorMs = member.time.floorMs(nowMs);
    if (floorMs !== undefined) this.#transitMs = floorMs - (member.offsetMs ?? 0);
  }

  /**
   * A frame of `source` arrived, in decoding order.
   *
   * @param nowMs monotonic, local
   * @returns its time on the track's own clock, ms: what the other methods want
   */
  arrived(source: SourceTimeline, ticks: number, nowMs: number): number {
    const member = this.#members.get(source);
    if (member === undefined) return source.msOf(ticks);
    const ownMs = member.time.arrived(ticks, nowMs);
    const reference = this.#referenceOf(member);
    if (member.offsetMs === undefined) {
      member.startedAt = nowMs;
      member.offsetMs =
        reference === undefined
          ? nowMs - ownMs - this.#transitMs
          : this.#wantedOf(member, reference, nowMs);
    } else if (reference !== undefined && yields(member, reference)) {
      this.#follow(member, reference, nowMs);
    }
    member.movedAt = nowMs;
    return ownMs;
  }

  /** Adds a report of the ingest about `source`. */
  report(source: SourceTimeline, report: IngestReport): void {
    this.#members.get(source)?.time.report(report);
  }

  /** Media time at a track's own time, ms; undefined when the track is not open or has not begun. */
  mediaMsOf(source: SourceTimeline, ownMs: number): number | undefined {
    const offsetMs = (this.#members.get(source) ?? this.#past.get(source))?.offsetMs;
    return offsetMs === undefined ? undefined : ownMs + offsetMs;
  }

  /** When media was ingested, in ms of the ingest's clock; undefined before the first report. */
  ingestMsOf(source: SourceTimeline, ownMs: number): number | undefined {
    const { time } = this.#members.get(source) ?? this.#past.get(source) ?? {};
    const offsetMs = time?.ageOffsetMs(ownMs);
    return offsetMs === undefined ? undefined : ownMs + offsetMs;
  }

  /** The track that others are related to: sound, which cannot be moved unnoticed, or what began first. */
  #referenceOf(member: Member): Member | undefined {
    let found: Member | undefined;
    for (const other of this.#members.values()) {
      if (other === member || other.offsetMs === undefined) continue;
      if (found === undefined || (other.kind === "audio" && found.kind !== "audio")) found = other;
    }
    return found;
  }

  #follow(member: Member, reference: Member, nowMs: number): void {
    if (member.offsetMs === undefined) return;
    const off = this.#wantedOf(member, reference, nowMs) - member.offsetMs;
    if (Math.abs(off) <= TOLERANCE_MS) return;
    if (Math.abs(off) > SLEW_MS_MAX || nowMs - member.startedAt < YOUNG_MS) {
      member.offsetMs += off;
      return;
    }
    const most = Math.max(0, nowMs - member.movedAt) * SLEW;
    member.offsetMs += Math.min(Math.max(off, -most), most);
  }

  /** Offset of a track that puts it in sync with another one. */
  #wantedOf(member: Member, reference: Member, nowMs: number): number {
    const from = reference.offsetMs ?? 0;
    const bySender = difference(member.time, reference.time, "senderOffsetMs");
    const byIngest = difference(member.time, reference.time, "ingestOffsetMs");
    if (bySender !== undefined && isPlausible(bySender, byIngest)) return from + bySender;
    if (byIngest !== undefined) return from + byIngest;
    const own = member.time.floorMs(nowMs) ?? 0;
    return from + own - (reference.time.floorMs(nowMs) ?? own);
  }
}

/** True: of two tracks, it is this one that moves. */
function yields(member: Member, reference: Member): boolean {
  if (member.kind !== reference.kind) return member.kind === "video";
  return member.startedAt > reference.startedAt;
}

/** How much further one track's own time is from a common clock than another's, ms. */
function difference(
  member: TrackTime,
  reference: TrackTime,
  clock: "senderOffsetMs" | "ingestOffsetMs",
): number | undefined {
  const own = member[clock](member.newestMs);
  const other = reference[clock](reference.newestMs);
  return own === undefined || other === undefined ? undefined : own - other;
}

function isPlausible(bySender: number, byIngest: number | undefined): boolean {
  return byIngest === undefined || Math.abs(bySender - byIngest) <= SAME_CLOCK_MS;
}
