import type { Clock } from "../../../base/index.ts";
import type { SourceId } from "../../../reflector/index.ts";
import type { FrameFlags } from "./frame-flags.ts";
import { GapWatch } from "./gap-watch.ts";
import type { HeldPacket } from "./held-packets.ts";
import { MediaClock } from "./media-clock.ts";
import type { MissingRange } from "./missing-packets.ts";
import { ReceptionStatistics } from "./reception-statistics.ts";
import { ReportSchedule } from "./report-schedule.ts";
import type { IngestTrack } from "./rtp-options.ts";
import { RunCheck } from "./run-check.ts";

/** One run of one SSRC. */
export interface TrackSource extends SourceId {
  readonly ssrc: number;
  readonly run: RunCheck;
  readonly flags: FrameFlags;
  readonly clock: MediaClock;
  readonly reports: ReportSchedule;
  readonly statistics: ReceptionStatistics;
  readonly gaps: GapWatch;
  readonly beganAt: number;
  /** It follows a run of the same SSRC that has not said goodbye. */
  readonly mayGetLateBye: boolean;
  lastAt: number;
  endedAt: number | undefined;
  /** A goodbye that may be of the run before. */
  doubtfulBye: boolean;
  /** A frame has begun after the goodbye: it was on its way. */
  hasStraggler: boolean;
}

/** Begins a run with its first packet. */
export function openSource(
  parts: SourceId & {
    readonly first: HeldPacket;
    readonly track: IngestTrack;
    readonly flags: FrameFlags;
    readonly clock: Clock;
    readonly mayGetLateBye: boolean;
    /** Numbers that never arrived. */
    onGap(range: MissingRange): void;
  },
): TrackSource {
  const { source, generation, medium, first, track, flags, clock, mayGetLateBye, onGap } = parts;
  const { at, rtp } = first;
  const { clockRate } = track;
  return {
    ...{ source, generation, medium, flags, mayGetLateBye },
    ssrc: rtp.ssrc,
    run: new RunCheck(rtp, clockRate, at),
    clock: new MediaClock(clockRate),
    reports: new ReportSchedule(clockRate),
    statistics: new ReceptionStatistics(rtp.ssrc, clockRate, rtp.sequence),
    gaps: new GapWatch(clock, onGap),
    beganAt: clock.now(),
    lastAt: at,
    endedAt: undefined,
    doubtfulBye: false,
    hasStraggler: false,
  };
}

/** What identifies it on the wire. */
export function idOf({ source, generation, medium }: SourceId): SourceId {
  return { source, generation, medium };
}
