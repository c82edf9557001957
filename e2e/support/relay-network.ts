import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Network, type SiteProcess } from "./network.ts";
import { PACKETS_PER_SECOND, RtpSource, sourceSdp } from "./rtp-source.ts";
import { Viewer } from "./viewer.ts";
import { until } from "./wait.ts";

/**
 * Four sites for the tests of one file. Media passes `ingest`, `middle` and `edge`, which may also take it from
 * `ingest`; never the leader, `lead`.
 */
export class RelayNetwork {
  #network: Network | undefined;

  /** Registers the hooks of the file that calls it. */
  static use(): RelayNetwork {
    const relays = new RelayNetwork();
    before(() => relays.#open());
    after(() => relays.#network?.[Symbol.asyncDispose]());
    return relays;
  }

  private constructor() {}

  get network(): Network {
    return this.#network as Network;
  }

  get lead(): SiteProcess {
    return this.network.site("lead");
  }

  get ingest(): SiteProcess {
    return this.network.site("ingest");
  }

  get middle(): SiteProcess {
    return this.network.site("middle");
  }

  get edge(): SiteProcess {
    return this.network.site("edge");
  }

  /** Publishes a source at `ingest`. */
  async publish(channel: string): Promise<RtpSource> {
    const settings = { ports: "assign", input: "main", source: "capture" } as const;
    const answer = await this.ingest.client.publishSdp(channel, sourceSdp(channel), settings);
    const ports = answer.tracks.map(({ rtpPort }) => rtpPort);
    return RtpSource.start({ ports, ssrc: 0x1234_5678 });
  }

  /** Watches at `edge`, and waits for a second of packets. */
  async watch(channel: string): Promise<Viewer> {
    const viewer = await Viewer.open(this.edge.url, channel);
    await until(`packets of ${channel}`, () => viewer.received.length > PACKETS_PER_SECOND);
    return viewer;
  }

  /** The same, and waits until the packets come by `middle`. */
  async watchByMiddle(channel: string): Promise<Viewer> {
    const viewer = await this.watch(channel);
    await until("the path over middle", () => viewer.path.join() === "ingest,middle,edge");
    return viewer;
  }

  async #open(): Promise<void> {
    this.#network = await Network.open("lead", "ingest", "middle", "edge");
    await this.middle.client.setRoutes({ upstreams: ["ingest"] });
    await this.edge.client.setRoutes({ upstreams: ["middle", "ingest"] });
    await until("all sites know each other", async () => {
      const sites = [this.ingest, this.middle, this.edge];
      const views = await Promise.all(sites.map(({ client }) => client.session()));
      return views.every(({ sites: known }) => known.length === 4);
    });
  }
}

/** Waits until a viewer has received packets of so many seconds more. */
export async function more(viewer: Viewer, seconds: number): Promise<void> {
  const end = viewer.received.length + seconds * PACKETS_PER_SECOND;
  await until(`${seconds} s more`, () => viewer.received.length >= end);
}

/**
 * Ends the source, and compares what the viewer received with what was sent: every packet, each once, up to the last.
 */
export async function settle(source: RtpSource, viewer: Viewer): Promise<void> {
  await source.stop();
  const last = (source.count - 1) & 0xffff;
  await until("the last packet", () => viewer.received.some(({ sequence }) => sequence === last));
  const { missing, repeated } = viewer.account();
  assert.deepEqual({ missing, repeated, gaps: viewer.gaps }, { missing: 0, repeated: 0, gaps: 0 });
  assert.equal(viewer.stats.packetsLost, 0);
}
