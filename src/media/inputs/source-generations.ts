import { LIMITS, serialDistance } from "../../base/index.ts";

/** Steps forward or back within the same run of a publisher (RFC 3550 A.1). */
const FORWARD_MAX = 3_000;
const BACK_MAX = 100;
/** Media time and arrival of two copies of a run differ by less, ms. */
const FIT_MS = 2_000;

/** Where a run stands: what an RTP timestamp and its arrival say beside the number. */
export interface RunMoment {
  /** u32, RTP ticks. */
  readonly timestamp: number;
  /** RTP ticks per second. */
  readonly clockRate: number;
  /** When it arrived, ms. */
  readonly at: number;
}

interface Run {
  generation: number;
  /** The newest number known, u16. */
  sequence: number;
  /** That number's; undefined when it is not known. */
  moment: RunMoment | undefined;
  ended: boolean;
  /** Inputs that receive it now. */
  holders: number;
}

/**
 * The source generations of a channel's inputs. Shared by them, so that two inputs with the same capture count its
 * restarts alike.
 *
 * Once no input receives a run it is over, and the source begins the next one with a new generation, whatever its
 * numbers: they may be those that the channel has seen. So this has to be kept for longer than what the channel, its
 * subscribers and other sites remember of it.
 *
 * Bounded: remembers the `LIMITS.sourcesMax` sources used last.
 */
export class SourceGenerations {
  readonly #runs = new Map<number, Run>();

  /**
   * The generation (u8, wraps) of a source (its id) that starts at `sequence`. Call `left` when it is not received any
   * more.
   *
   * @param after the generation that ended, if a restart was detected
   */
  begin(source: number, sequence: number, after?: number, moment?: RunMoment): number {
    const run = this.#runs.get(source);
    if (run === undefined) {
      this.#remember(source, { generation: 0, sequence, moment, ended: false, holders: 1 });
      return 0;
    }
    const goesOn = !run.ended && run.holders > 0 && run.generation !== after;
    if (goesOn && isNear(run, sequence, moment)) {
      run.holders++;
      this.#remember(source, run);
      return run.generation;
    }
    const generation = (run.generation + 1) & 0xff;
    this.#remember(source, { generation, sequence, moment, ended: false, holders: 1 });
    return generation;
  }

  /** Notes the newest number of a source. */
  reached(source: number, generation: number, sequence: number, moment?: RunMoment): void {
    const run = this.#runs.get(source);
    if (run?.generation !== generation) return;
    run.sequence = sequence;
    run.moment = moment;
    this.#remember(source, run);
  }

  /** Notes that a source has ended: when it returns, it is a new run. */
  ended(source: number, generation: number): void {
    const run = this.#runs.get(source);
    if (run?.generation === generation) run.ended = true;
  }

  /** Notes that an input does not receive a run any more. */
  left(source: number, generation: number): void {
    const run = this.#runs.get(source);
    if (run?.generation === generation) run.holders = Math.max(0, run.holders - 1);
  }

  #remember(source: number, run: Run): void {
    this.#runs.delete(source);
    this.#runs.set(source, run);
    if (this.#runs.size <= LIMITS.sourcesMax) return;
    const [oldest] = this.#runs.keys();
    if (oldest !== undefined) this.#runs.delete(oldest);
  }
}

/** Whether a source that begins may be in this run, of which another input receives the same packets. */
function isNear(run: Run, sequence: number, moment: RunMoment | undefined): boolean {
  const distance = serialDistance(run.sequence, sequence, 16);
  if (distance > FORWARD_MAX || distance < -BACK_MAX) return false;
  if (run.moment === undefined || moment === undefined) return true;
  const ticks = serialDistance(run.moment.timestamp, moment.timestamp, 32);
  const mediaMs = (ticks * 1000) / moment.clockRate;
  return Math.abs(mediaMs - (moment.at - run.moment.at)) <= FIT_MS;
}
