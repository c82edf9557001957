import { LIMITS, serialDistance } from "../../base/index.ts";

/** Steps that a source may go on, or back, and still be the same run of its publisher (RFC 3550 A.1). */
const FORWARD_MAX = 3_000;
const BACK_MAX = 100;

interface Run {
  generation: number;
  /** The newest number known, u16. */
  sequence: number;
  ended: boolean;
}

/**
 * The source generations of a channel's outside inputs. Shared by them, so that two inputs with the same capture count its
 * restarts alike, and an input that is opened again goes on where it left or counts one up.
 *
 * Bounded: the sources used last, `LIMITS.sourcesMax`.
 */
export class SourceGenerations {
  readonly #runs = new Map<number, Run>();

  /**
   * The generation (u8, wraps) of a source (its id) that starts at `sequence`.
   *
   * @param after the generation that was seen to end here, where a restart was seen
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

  /** Notes how far a source has come. */
  reached(source: number, generation: number, sequence: number): void {
    const run = this.#runs.get(source);
    if (run?.generation === generation) run.sequence = sequence;
  }

  /** Notes that a source said goodbye: when it returns, it is a new run. */
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
