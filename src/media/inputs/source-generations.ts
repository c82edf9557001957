import { LIMITS, serialDistance } from "../../base/index.ts";

/** Steps forward or back within the same run of a publisher (RFC 3550 A.1). */
const FORWARD_MAX = 3_000;
const BACK_MAX = 100;

interface Run {
  generation: number;
  /** The newest number known, u16. */
  sequence: number;
  ended: boolean;
}

/**
 * The source generations of a channel's inputs. Shared by them, so that two inputs with the same capture count its
 * restarts alike, and an input that is opened again continues, or begins the next generation.
 *
 * Bounded: remembers the `LIMITS.sourcesMax` sources used last.
 */
export class SourceGenerations {
  readonly #runs = new Map<number, Run>();

  /**
   * The generation (u8, wraps) of a source (its id) that starts at `sequence`.
   *
   * @param after the generation that ended, if a restart was detected
   */
  begin(source: number, sequence: number, after?: number): number {
    const run = this.#runs.get(source);
    if (run === undefined) {
      this.#remember(source, { generation: 0, sequence, ended: false });
      return 0;
    }
    const distance = serialDistance(run.sequence, sequence, 16);
    const isKnown = !run.ended && run.generation !== after;
    const goesOn = isKnown && distance <= FORWARD_MAX && distance >= -BACK_MAX;
    const generation = goesOn ? run.generation : (run.generation + 1) & 0xff;
    this.#remember(source, { generation, sequence, ended: false });
    return generation;
  }

  /** Notes the newest number of a source. */
  reached(source: number, generation: number, sequence: number): void {
    const run = this.#runs.get(source);
    if (run?.generation === generation) run.sequence = sequence;
  }

  /** Notes that a source has ended: when it returns, it is a new run. */
  ended(source: number, generation: number): void {
    const run = this.#runs.get(source);
    if (run?.generation === generation) run.ended = true;
  }

  #remember(source: number, run: Run): void {
    this.#runs.delete(source);
    this.#runs.set(source, run);
    if (this.#runs.size <= LIMITS.sourcesMax) return;
    const [oldest] = this.#runs.keys();
    if (oldest !== undefined) this.#runs.delete(oldest);
  }
}
