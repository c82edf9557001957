import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Shell } from "../../src/site/index.ts";

const STREAM = "bystander";
/** Between two appends, ms. */
const PAUSE_MS = 15;
/** An append that takes longer is given up, and counts as this long, ms. */
const TIMEOUT_MS = 10_000;

/** Another owner, whose stream has messages all the time: how long each takes, from the append to its reply. */
export class Bystander implements AsyncDisposable {
  readonly #shell: Shell;
  #times: number[] = [];
  /** When the one on its way began. */
  #since = performance.now();
  #isOver = false;
  readonly #loop: Promise<void>;

  private constructor(shell: Shell) {
    this.#shell = shell;
    this.#loop = this.#run();
  }

  static async open(url: string): Promise<Bystander> {
    const shell = await connect(url, { name: "bystander" });
    await shell.createStream(STREAM);
    const source = "export default { on: { append: (ctx, m) => m } };";
    await shell.registerAgent(STREAM, { source });
    return new Bystander(shell);
  }

  /** Forgets what was measured. */
  begin(): void {
    this.#times = [];
  }

  /** The longest since then, with what the one on its way has taken already, ms. */
  get longestMs(): number {
    return Math.max(performance.now() - this.#since, ...this.#times);
  }

  /** So many per cent took no longer, ms. */
  quantileMs(share: number): number {
    const sorted = [...this.#times].sort((one, other) => one - other);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#loop;
    await this.#shell.close();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      this.#since = performance.now();
      const options = { until: "consumed", timeoutMs: TIMEOUT_MS } as const;
      await this.#shell.append(STREAM, this.#times.length, options).catch(() => {});
      this.#times.push(performance.now() - this.#since);
      await sleep(PAUSE_MS);
      this.#since = performance.now();
    }
  }
}
