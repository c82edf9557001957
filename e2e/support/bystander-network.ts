import assert from "node:assert/strict";
import { after, afterEach, before } from "node:test";
import { type AgentDefinition, connect, type Shell } from "../../src/site/index.ts";
import { Network } from "./network.ts";
import { countOf, createCounter, Load } from "./stream-load.ts";
import { until } from "./wait.ts";

const SITES = ["lead", "north", "south"];

/**
 * Three sites for the tests of one file, whose shell, `culprit`, makes mistakes. A counter of another shell at the same
 * site, `north`, must not notice: after each test all sites are well and the counter is exact.
 */
export class BystanderNetwork {
  #network: Network | undefined;
  #other: Shell | undefined;
  #bystander: Load | undefined;
  #shell: Shell | undefined;

  /** Registers the hooks of the file that calls it. */
  static use(): BystanderNetwork {
    const sites = new BystanderNetwork();
    before(() => sites.#open());
    afterEach(() => sites.#assertUnharmed());
    after(async () => {
      await Promise.all([sites.#shell, sites.#other].map((each) => each?.close()));
      await sites.#network?.[Symbol.asyncDispose]();
    });
    return sites;
  }

  private constructor() {}

  get network(): Network {
    return this.#network as Network;
  }

  /** Makes the mistakes. */
  get shell(): Shell {
    return this.#shell as Shell;
  }

  /** The bystander's. */
  get other(): Shell {
    return this.#other as Shell;
  }

  /** Creates a stream at `north` with one agent whose failed messages are not retried. */
  async withAgent<Briefcase extends object>(
    name: string,
    definition: AgentDefinition<Briefcase>,
  ): Promise<void> {
    const stream = await this.shell.createStream(name);
    await stream.registerAgent({ onError: { retry: 0, backoffMs: 10 }, ...definition });
  }

  /** Appends, and waits for the outcome. */
  appended(name: string, value: unknown): Promise<unknown> {
    return this.shell.append(name, value, { until: "consumed", timeoutMs: 30_000 });
  }

  async #open(): Promise<void> {
    const network = await Network.open("lead");
    this.#network = network;
    await network.start("north", "--no-evacuate");
    await network.start("south", "--no-evacuate", "--allow-inline-agents");
    this.#other = await connect(network.site("north").url, { name: "other" });
    this.#shell = await connect(network.site("north").url, { name: "culprit" });
    this.#bystander = new Load(await createCounter(this.#other, "bystander", { at: "north" }));
  }

  async #assertUnharmed(): Promise<void> {
    for (const name of SITES) {
      const { child, stderr } = this.network.site(name).running;
      assert.deepEqual([child.exitCode, child.signalCode], [null, null], `${name}: ${stderr()}`);
    }
    const { appended } = this.#bystander as Load;
    await until("the bystander counts on", async () => {
      const { last, count, wrong } = await countOf(this.other, "bystander");
      assert.deepEqual([count, wrong], [last, 0]);
      return last > appended + 10;
    });
    for (const name of SITES) {
      assert.equal((await this.network.site(name).client.health()).status, "ok", name);
    }
    for (const { name } of await this.shell.streams()) {
      if (name !== "bystander") await this.shell.destroy(name);
    }
  }
}
