import { type Cancel, type Clock, every, type Random } from "../../base/index.ts";
import { Child } from "./child.ts";
import { News } from "./news.ts";

/** What the publishers need. */
export interface DemoPublishersOptions {
  readonly module: string;
  /** The site they publish at. */
  readonly url: string;
  readonly clip: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  onNote(line: string): void;
}

const NEWS_MS = 1_000;
/** Before a publisher that ended by itself is started again, ms. */
const AGAIN_MS = 1_000;

/** The publishers of the demo, each a process of its own: the clip, over and over, and the news. */
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

  /** Does nothing without a clip, or when they run. */
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
    const { module, url, clock } = this.#options;
    const child = Child.start({
      module,
      args: ["publish", channel, ...how, "--replace", "--quiet", "--site", url],
    });
    this.#children.set(channel, child);
    void child.ended.then(({ code, signal }) => {
      if (!this.#isRunning || this.#children.get(channel) !== child) return;
      this.#options.onNote(
        `the publisher of ${channel} ended with ${signal ?? `code ${code}`}; it starts again`,
      );
      clock.after("publisher again", AGAIN_MS, () => {
        if (this.#isRunning && this.#children.get(channel) === child) this.#run(channel, how);
      });
    });
  }
}
