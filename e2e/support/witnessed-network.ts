import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { channelAt, Network, type SiteProcess } from "./network.ts";
import { PACKETS_PER_SECOND, RtpSource, sourceSdp } from "./rtp-source.ts";
import { Viewer } from "./viewer.ts";
import { until } from "./wait.ts";

/** Resident memory of the site under test may grow by this, bytes. */
const RSS_GROWTH_MAX = 150e6;

/**
 * Two sites, `solo` and `edge`, for the tests of one file that do harm to `solo`. A channel that they leave alone, the
 * witness, is published there and watched at `edge` throughout; after each test it must have lost nothing.
 */
export class WitnessedNetwork {
  #network: Network | undefined;
  #source: RtpSource | undefined;
  #witness: Viewer | undefined;
  #rssBefore = 0;

  /** Registers the hooks of the file that calls it. */
  static use(): WitnessedNetwork {
    const network = new WitnessedNetwork();
    before(() => network.#open());
    afterEach(() => network.#assertUnharmed());
    after(() => network.#close());
    return network;
  }

  private constructor() {}

  get network(): Network {
    return this.#network as Network;
  }

  /** The site under test. */
  get solo(): SiteProcess {
    return this.network.site("solo");
  }

  /** Opens an input at `solo` and sends a source there. */
  async publish(
    channel: string,
    options: {
      readonly ssrc?: number;
      readonly sequence?: number;
      readonly timestamp?: number;
    } = {},
  ): Promise<{ readonly source: RtpSource; readonly port: number }> {
    const { client } = this.solo;
    const answer = await client.publishSdp(channel, sourceSdp(channel), { ports: "assign" });
    const port = answer.tracks[0]?.rtpPort as number;
    return { source: await RtpSource.start({ ports: [port], ssrc: 1, ...options }), port };
  }

  /** Watches at `edge`. */
  watch(channel: string): Promise<Viewer> {
    return Viewer.open(this.network.site("edge").url, channel);
  }

  /** What `solo` says of a channel. */
  channel(name: string): ReturnType<typeof channelAt> {
    return channelAt(this.solo, name);
  }

  /** The drops of `solo` that belong to no channel. */
  async siteDrops(): Promise<Readonly<Record<string, number>>> {
    return (await this.solo.client.site()).snapshot.drops;
  }

  /** Waits until a count of `solo` has grown by this much, exactly. */
  async untilCounted(
    reason: string,
    from: Readonly<Record<string, number>>,
    by: number,
  ): Promise<void> {
    const wanted = (from[reason] ?? 0) + by;
    await until(`${reason} grows by ${by}`, async () => {
      return (await this.siteDrops())[reason] === wanted;
    });
  }

  /** Registers the last test of the file: what went before has cost no memory. */
  testMemory(): void {
    test("after these tests the site's memory has not grown", async (t) => {
      const { process: now } = await this.solo.client.site();
      const [first, last] = [this.#rssBefore, now.rssBytes].map((each) => Math.round(each / 1e6));
      t.diagnostic(`${first} MB before, ${last} MB after`);
      assertGrowth(this.#rssBefore, now.rssBytes);
    });
  }

  async #open(): Promise<void> {
    this.#network = await Network.open("solo", "edge");
    this.#source = (await this.publish("witness")).source;
    const witness = await Viewer.open(this.network.site("edge").url, "witness", "witness");
    this.#witness = witness;
    await until("the witness", () => witness.received.length > PACKETS_PER_SECOND);
    this.#rssBefore = (await this.solo.client.site()).process.rssBytes;
  }

  async #assertUnharmed(): Promise<void> {
    const witness = this.#witness as Viewer;
    const seen = witness.received.length;
    await until("packets for the witness", () => witness.received.length > seen + 30);
    const { missing, repeated } = witness.account();
    const { gaps } = witness;
    assert.deepEqual({ missing, repeated, gaps }, { missing: 0, repeated: 0, gaps: 0 });
    assert.equal(this.solo.running.child.exitCode, null);
  }

  async #close(): Promise<void> {
    this.#witness?.close();
    await this.#source?.stop();
    await this.#network?.[Symbol.asyncDispose]();
  }
}

/** Fails when resident memory has grown more between two measurements, bytes, than input may cost. */
export function assertGrowth(before: number, now: number): void {
  const grown = now - before;
  assert.ok(grown < RSS_GROWTH_MAX, `memory grew by ${Math.round(grown / 1e6)} MB`);
}
