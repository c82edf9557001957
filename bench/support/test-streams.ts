import { readFile } from "node:fs/promises";
import { Child } from "./child.ts";
import { CLI } from "./start-times.ts";

/** A line of a log: when a packet came, since 1970, which, and how long after the one before, ms. */
export interface Arrival {
  readonly atMs: number;
  readonly number: number;
  /** NaN for the first. */
  readonly sinceMs: number;
  /** From the sender's clock to the receiver's, ms. */
  readonly latencyMs: number;
}

/** What `meander test send` sends. */
export interface TestLoad {
  /** `1.2M` */
  readonly rate: string;
  readonly packetsPerSecond: number;
  /** Between two corrections of the interval. */
  readonly adaptSeconds: number;
}

interface SenderEnd {
  readonly type: string;
  readonly sent: number;
  readonly bitsPerSecond: number;
}

/** `meander test send` in a process of its own. */
export class TestSender {
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  /** Settles when it sends. @param url of the site */
  static async start(url: string, channel: string, load: TestLoad): Promise<TestSender> {
    const child = new Child(process.execPath, [
      ...[CLI, "test", "send", channel, "--site", url, "--json", "--rate", load.rate],
      ...["--pps", `${load.packetsPerSecond}`, "--adapt", `${load.adaptSeconds}`],
    ]);
    await child.line();
    return new TestSender(child);
  }

  /** Ends it. @returns how many packets it has sent */
  async stop(): Promise<number> {
    await this.#child.stop();
    return (await this.#child.line<SenderEnd>()).sent;
  }
}

/** A line that `meander test receive` prints. */
interface ReceiverLine {
  readonly type: string;
  readonly site?: string;
  readonly path?: readonly string[];
}

/** `meander test receive` in a process of its own, which stays with one site. */
export class TestReceiver {
  readonly #child: Child;
  readonly #log: string;
  readonly #waiting = new Set<() => void>();
  #path: readonly string[] = [];

  /** @param log file for its arrivals */
  constructor(url: string, channel: string, log: string) {
    this.#log = log;
    this.#child = new Child(process.execPath, [
      ...[CLI, "test", "receive", channel, "--site", url, "--no-follow", "--log", log, "--json"],
    ]);
    void this.#read();
  }

  /** The sites that packets pass at present, from the ingest on. */
  get path(): readonly string[] {
    return this.#path;
  }

  /** Settles when packets pass these sites. @throws {Error} when they do not within the time */
  async untilPath(wanted: readonly string[], withinMs: number): Promise<void> {
    const end = performance.now() + withinMs;
    while (this.#path.join() !== wanted.join()) {
      const left = end - performance.now();
      if (left <= 0)
        throw new Error(`the path is ${this.#path}, not ${wanted}, after ${withinMs} ms`);
      await this.#change(left);
    }
  }

  /** Ends it. @returns all arrivals, in their order */
  async stop(): Promise<Arrival[]> {
    await this.#child.stop();
    return arrivalsOf(await readFile(this.#log, "utf8"));
  }

  async #read(): Promise<void> {
    for await (const { path, type } of this.#child.lines<ReceiverLine>()) {
      if (type !== "path" || path === undefined) continue;
      this.#path = path;
      for (const wake of this.#waiting) wake();
    }
  }

  /** Settles at the next change of the path, or after `ms`. */
  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#waiting.add(wake);
    });
  }
}

/** Reads the log of `meander test receive`. */
export function arrivalsOf(csv: string): Arrival[] {
  return csv
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => {
      const [at, number, since, latency] = line.split(",");
      return {
        atMs: Number(at),
        number: Number(number),
        sinceMs: since === "" ? Number.NaN : Number(since),
        latencyMs: Number(latency),
      };
    });
}
