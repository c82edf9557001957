import { RateMeter } from "../../channel/playout/index.ts";
import type { TestMark } from "./test-packet.ts";
import { TimeHistogram } from "./time-histogram.ts";

/** Middle, 99 of 100, and longest of some times, ms; undefined of none. */
export interface TimeSpread {
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number | undefined;
}

/** What became of a test stream on its way. */
export interface TestCounts {
  /** Packets, each once. */
  readonly received: number;
  /** Bytes of their RTP. */
  readonly bytes: number;
  /** Numbers between the lowest and the highest received that have not come, of all runs. */
  readonly lost: number;
  /** Packets that came again. */
  readonly repeated: number;
  /** Packets that came after one of a higher number. */
  readonly reordered: number;
  /** Senders heard, one after the other. */
  readonly runs: number;
  /** Of the present run; undefined before the first packet. */
  readonly firstNumber: number | undefined;
  readonly lastNumber: number | undefined;
  /** From each arrival to the next within a run. */
  readonly interArrival: TimeSpread;
  /** From the sender's clock to the receiver's: as exact as these two agree. */
  readonly latency: TimeSpread;
}

/** An arrival. */
export interface TestArrival {
  readonly mark: TestMark;
  /** By a monotonic clock, ms. */
  readonly atMs: number;
  /** Since 1970, ms. */
  readonly wallMs: number;
  readonly byteLength: number;
}

const RATE_WINDOW_MS = 1_000;
/** Missing numbers that are remembered in case that they still come: a minute of 1000 packets per second. */
const MISSING_MAX = 65_536;

/** Counts what arrives of a test stream: lost, repeated, out of order, how evenly, how late. Sans-IO. */
export class TestAccount {
  readonly #bits = new RateMeter(RATE_WINDOW_MS);
  readonly #packets = new RateMeter(RATE_WINDOW_MS);
  readonly #interArrival = new TimeHistogram();
  readonly #latency = new TimeHistogram();
  /** Numbers of the present run that have not come, oldest first. */
  readonly #missing = new Set<number>();
  /** Missing ones that are not waited for any more: of earlier runs, and beyond {@link MISSING_MAX}. */
  #givenUp = 0;
  #run: number | undefined;
  #first = 0;
  #last = 0;
  #lastAt = 0;
  #received = 0;
  #bytes = 0;
  #repeated = 0;
  #reordered = 0;
  #runs = 0;

  /** Counts an arrival. @returns time since the one before, ms; undefined for the first of a run */
  add({ atMs, byteLength, mark, wallMs }: TestArrival): number | undefined {
    const isFirst = mark.run !== this.#run;
    const isNew = isFirst ? this.#begin(mark) : this.#place(mark.number);
    if (isNew) {
      this.#received++;
      this.#bytes += byteLength;
      this.#latency.add(wallMs - mark.sentWallMs);
    } else this.#repeated++;
    this.#bits.add(byteLength * 8, atMs);
    this.#packets.add(1, atMs);
    const since = atMs - this.#lastAt;
    this.#lastAt = atMs;
    if (isFirst) return undefined;
    this.#interArrival.add(since);
    return since;
  }

  get counts(): TestCounts {
    const isEmpty = this.#runs === 0;
    return {
      received: this.#received,
      bytes: this.#bytes,
      lost: this.#missing.size + this.#givenUp,
      repeated: this.#repeated,
      reordered: this.#reordered,
      runs: this.#runs,
      firstNumber: isEmpty ? undefined : this.#first,
      lastNumber: isEmpty ? undefined : this.#last,
      interArrival: spreadOf(this.#interArrival),
      latency: spreadOf(this.#latency),
    };
  }

  /** Of the last second. @param atMs by the clock of the arrivals */
  rates(atMs: number): { readonly bitsPerSecond: number; readonly packetsPerSecond: number } {
    return {
      bitsPerSecond: this.#bits.perSecond(atMs),
      packetsPerSecond: this.#packets.perSecond(atMs),
    };
  }

  #begin({ number, run }: TestMark): true {
    this.#givenUp += this.#missing.size;
    this.#missing.clear();
    this.#run = run;
    this.#runs++;
    this.#first = number;
    this.#last = number;
    return true;
  }

  /** @returns false for a number that has come before */
  #place(number: number): boolean {
    if (number > this.#last) {
      this.#miss(this.#last + 1, number);
      this.#last = number;
      return true;
    }
    if (number < this.#first) {
      this.#miss(number + 1, this.#first);
      this.#first = number;
    } else if (!this.#missing.delete(number)) return false;
    this.#reordered++;
    return true;
  }

  /** These have not come. @param end the first that has */
  #miss(from: number, end: number): void {
    const kept = Math.max(from, end - MISSING_MAX);
    this.#givenUp += kept - from;
    for (let number = kept; number < end; number++) this.#missing.add(number);
    for (const oldest of this.#missing) {
      if (this.#missing.size <= MISSING_MAX) return;
      this.#missing.delete(oldest);
      this.#givenUp++;
    }
  }
}

function spreadOf(times: TimeHistogram): TimeSpread {
  return { p50Ms: times.quantile(0.5), p99Ms: times.quantile(0.99), maxMs: times.max };
}
