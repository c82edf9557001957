import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Shell } from "../../src/site/index.ts";
import { RunDelay } from "../support/run-delay.ts";

const STREAM = "bystander";
/** Between two appends, ms. */
const PAUSE_MS = 5;
/** An append that takes longer is given up, and counts as this long, ms. */
const TIMEOUT_MS = 10_000;
/** Appends before anything is measured, ms: the busiest threads are those that take part. */
const WARM_MS = 700;

/**
 * Another owner, whose stream has messages all the time: how long each takes, from the append to its reply, and how
 * much of that is the site's own.
 */
export class Bystander implements AsyncDisposable {
  readonly #shell: Shell;
  #times: number[] = [];
  #own: number[] = [];
  #delay: RunDelay | undefined;
  /** When the one on its way began. */
  #since = performance.now();
  #isOver = false;
  readonly #loop: Promise<void>;

  private constructor(shell: Shell) {
    this.#shell = shell;
    this.#loop = this.#run();
  }

  /** @param pid of the site */
  static async open(url: string, pid: number): Promise<Bystander> {
    const shell = await connect(url, { name: "other-owner" });
    await shell.createStream(STREAM);
    const source = "export default { on: { append: (ctx, m) => m } };";
    await shell.registerAgent(STREAM, { source });
    const bystander = new Bystander(shell);
    bystander.#delay = await RunDelay.during(pid, () => sleep(WARM_MS));
    return bystander;
  }

  /** Forgets what was measured. */
  begin(): void {
    this.#times = [];
    this.#own = [];
  }

  /** The longest since then, with what the one on its way has taken already, ms. */
  get longestMs(): number {
    return Math.max(performance.now() - this.#since, ...this.#times);
  }

  /** So many per cent took no longer, ms. */
  quantileMs(share: number): number {
    return quantileOf(this.#times, share);
  }

  /** The same, less what the threads on their way waited for a processor, ms. */
  ownQuantileMs(share: number): number {
    return quantileOf(this.#own, share);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#loop;
    await this.#shell.close();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      this.#since = performance.now();
      const waited = this.#delay?.waitedMs ?? 0;
      const options = { until: "consumed", timeoutMs: TIMEOUT_MS } as const;
      await this.#shell.append(STREAM, this.#times.length, options).catch(() => {});
      const ms = performance.now() - this.#since;
      this.#times.push(ms);
      this.#own.push(Math.max(0, ms - ((this.#delay?.waitedMs ?? 0) - waited)));
      await sleep(PAUSE_MS);
      this.#since = performance.now();
    }
  }
}

function quantileOf(times: readonly number[], share: number): number {
  const sorted = times.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
