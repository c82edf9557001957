import { type Cancel, type Clock, every, type Random } from "../../base/index.ts";
import { Child } from "./child.ts";
import { childLine } from "./child-line.ts";
import { News } from "./news.ts";

/** What the publishers need. */
export interface DemoPublishersOptions {
  readonly module: string;
  /** Address of the site they publish at. */
  readonly url: string;
  readonly clip: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** What happened, in words for the terminal. */
  onNote(line: string): void;
}

const NEWS_MS = 1_000;
/** Pause before a publisher that ended by itself is restarted, ms. */
const AGAIN_MS = 1_000;

/** The publishers of the demo, each in its own process: the clip, in a loop, and the news. */
export class DemoPublishers {
  readonly #options: DemoPublishersOptions;
  readonly #news: News;
  readonly #children = new Map<string, Child>();
  #cancelNews: Cancel | undefined;
  #isRunning = false;

  constructor(options: DemoPublishersOptions) {
    this.#options = options;
    this.#news = new News(options.random);
  }

  /** Idempotent. Without a clip nothing is published. */
  start(): void {
    const { clip, clock } = this.#options;
    if (this.#isRunning || clip === undefined) return;
    this.#isRunning = true;
    this.#run("clip", ["--file", clip, "--loop"]);
    this.#run("news", ["--text"]);
    const tell = (): void => this.#children.get("news")?.write(`${this.#news.next()}\n`);
    this.#cancelNews = every(clock, "news", NEWS_MS, tell);
    tell();
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#cancelNews?.();
    const children = [...this.#children.values()];
    this.#children.clear();
    await Promise.all(children.map((child) => child.stop(this.#options.clock)));
  }

  #run(channel: string, how: readonly string[]): void {
    const { module, url, clock, onNote } = this.#options;
    const child = Child.start({
      module,
      args: ["publish", channel, ...how, "--replace", "--quiet", "--site", url],
      onLine: (line) => onNote(childLine(`publisher of ${channel}`, line)),
    });
    this.#children.set(channel, child);
    void child.ended.then(({ code, signal }) => {
      if (!this.#isRunning || this.#children.get(channel) !== child) return;
      onNote(`publisher of ${channel}: ended with ${signal ?? `code ${code}`}; restarting`);
      clock.after("publisher again", AGAIN_MS, () => {
        if (this.#isRunning && this.#children.get(channel) === child) this.#run(channel, how);
      });
    });
  }
}
