import { after, afterEach, before, beforeEach } from "node:test";
import { connect, type Shell, type StreamEvent } from "../../src/site/index.ts";
import { Network, type SiteProcess } from "./network.ts";
import { type Count, countOf } from "./stream-load.ts";
import { until } from "./wait.ts";

/**
 * Three sites for the tests of one file, `lead`, `north` and `south`; the others keep their streams when they stop.
 * Before each test all sites know each other; after it its shells are closed and all streams destroyed.
 */
export class StreamNetwork {
  readonly #shells: Shell[] = [];
  #network: Network | undefined;

  /** Registers the hooks of the file that calls it. */
  static use(): StreamNetwork {
    const streams = new StreamNetwork();
    before(async () => {
      streams.#network = await Network.open("lead");
      await Promise.all(["north", "south"].map((name) => streams.start(name)));
    });
    beforeEach(() => streams.whole());
    afterEach(() => streams.#clear());
    after(() => streams.#network?.[Symbol.asyncDispose]());
    return streams;
  }

  private constructor() {}

  get network(): Network {
    return this.#network as Network;
  }

  /** Starts a site, or starts it again. */
  start(name: string): Promise<SiteProcess> {
    return this.network.start(name, "--no-evacuate");
  }

  /** Waits until all sites know each other. */
  async whole(): Promise<void> {
    await until("all sites know each other", async () => {
      const views = await Promise.all(
        ["lead", "north", "south"].map((name) => this.network.site(name).client.session()),
      );
      const pids = views.map(({ sites }) => sites.map(({ pid }) => pid).join());
      return (
        views.every(({ directory, sites }) => directory === "connected" && sites.length === 3) &&
        new Set(pids).size === 1
      );
    });
  }

  async shellAt(site: string): Promise<Shell> {
    const shell = await connect(this.network.site(site).url);
    this.#shells.push(shell);
    return shell;
  }

  async #clear(): Promise<void> {
    for (const shell of this.#shells.splice(0)) await shell.close();
    const shell = await connect(this.network.site("lead").url);
    for (const { name } of await shell.streams()) await shell.destroy(name);
    await shell.close();
  }
}

/** Settles with the first event of a stream of that type from now on. */
export async function next<Type extends StreamEvent["type"]>(
  shell: Shell,
  stream: string,
  type: Type,
): Promise<Extract<StreamEvent, { type: Type }>> {
  const signal = AbortSignal.timeout(60_000);
  for await (const event of shell.events({ stream, types: [type] }, { signal })) {
    if (event.type === type) return event as Extract<StreamEvent, { type: Type }>;
  }
  throw new Error("the shell was closed");
}

/** Waits until a counter has reached `last`; what it counted. */
export async function counted(
  shell: Shell,
  name: string,
  last: number,
): Promise<Omit<Count, "to">> {
  const { to: _to, ...count } = await until(
    `${name} counts to ${last}`,
    async () => {
      const found = await countOf(shell, name);
      return found.last >= last && found;
    },
    60_000,
  );
  return count;
}

/** What a counter has that received every number once and in order. */
export function exactly(last: number): Omit<Count, "to"> {
  return { count: last, last, wrong: 0 };
}
