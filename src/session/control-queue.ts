import { MeanderError } from "../base/index.ts";

type Job = () => Promise<void>;

interface Lane {
  running: number;
  readonly urgent: Job[];
  readonly usual: Job[];
}

/** Bounds of a {@link ControlQueue}. */
export interface ControlQueueOptions {
  /** Jobs of one key that run at once; 1 by default: one after the other. */
  readonly width?: number;
  /** Jobs that may wait for one key, urgent ones not counted; unlimited by default, for callers that bound them. */
  readonly capacity?: number;
}

/** Runs jobs in the order in which they come, by key: different keys do not wait for each other. */
export class ControlQueue {
  readonly #width: number;
  readonly #capacity: number;
  /** A key is there while one of its jobs runs. */
  readonly #lanes = new Map<string, Lane>();

  constructor({ width = 1, capacity = Number.POSITIVE_INFINITY }: ControlQueueOptions = {}) {
    this.#width = width;
    this.#capacity = capacity;
  }

  /**
   * Runs a job when its turn comes; settles as it does.
   *
   * @throws {MeanderError} `control-busy` when too many wait
   */
  run<T>(key: string, job: () => Promise<T>): Promise<T> {
    const waiting = this.#lanes.get(key)?.usual.length ?? 0;
    if (waiting < this.#capacity) return this.#add(key, job, "usual");
    return Promise.reject(
      new MeanderError("control-busy", `${this.#capacity} requests wait for it already`, {
        where: `stream ${key}`,
        next: "try again when some of them have ended",
      }),
    );
  }

  /** The same, before all that wait and are not urgent; never refused. */
  runUrgent<T>(key: string, job: () => Promise<T>): Promise<T> {
    return this.#add(key, job, "urgent");
  }

  #add<T>(key: string, job: () => Promise<T>, kind: "urgent" | "usual"): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const lane: Lane = this.#lanes.get(key) ?? { running: 0, urgent: [], usual: [] };
      this.#lanes.set(key, lane);
      lane[kind].push(() => job().then(resolve, reject));
      this.#proceed(key, lane);
    });
  }

  #proceed(key: string, lane: Lane): void {
    while (lane.running < this.#width) {
      const job = lane.urgent.shift() ?? lane.usual.shift();
      if (job === undefined) break;
      lane.running++;
      void job().then(() => {
        lane.running--;
        this.#proceed(key, lane);
      });
    }
    if (lane.running === 0) this.#lanes.delete(key);
  }
}
