import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SILENT, SystemClock, SystemRandom } from "../base/index.ts";
import { packageRoot, SiteClient } from "../client/index.ts";
import { publishFile } from "../client/publish/index.ts";
import { watchChannel } from "../client/watch/index.ts";
import { KIND, kindOf, mediumOf, sequenceOf, sourceOf } from "../wire/index.ts";
import { LinkStacks } from "./plane/link-stacks.ts";
import { Site } from "./site.ts";
import type { SitePorts } from "./site-ports.ts";

const CLIP = join(packageRoot(), "media", "clip.mp4");
const LOCAL: SitePorts = { plane: "local" };

/** Numbers of RTP packets by source and medium, in order of arrival. */
class Numbers {
  readonly #bySource = new Map<string, number[]>();
  #count = 0;
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  take(packet: Uint8Array): void {
    if (kindOf(packet) !== KIND.rtp) return;
    const key = `${sourceOf(packet)} ${mediumOf(packet)}`;
    const numbers = this.#bySource.get(key) ?? [];
    numbers.push(sequenceOf(packet));
    this.#bySource.set(key, numbers);
    this.#count++;
    if (this.#waiting !== undefined && this.#count >= this.#waiting.count) this.#waiting.resolve();
  }

  reach(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = { count, resolve };
      if (this.#count >= count) resolve();
    });
  }

  /** How many there are, when none is missing behind one that was waited for, and none came twice. */
  check(): number {
    let checked = 0;
    for (const numbers of this.#bySource.values()) {
      const distances = numbers.map((each) => ((each - (numbers[0] as number)) << 16) >> 16);
      assert.equal(new Set(distances).size, distances.length, "a packet came twice");
      const first = Math.min(...distances);
      // The newest may still wait for one before them.
      const settled = distances.filter((each) => each - first < distances.length * 0.8);
      assert.equal(settled.length, Math.max(...settled) - first + 1, "a packet is missing");
      checked += settled.length;
    }
    return checked;
  }
}

async function relayOver(
  stack: string,
  use: (sites: { readonly origin: Site; readonly relay: Site }) => Promise<void>,
): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), "meander-links-"));
  const start = (settings: { readonly name: string; readonly join?: string }): Promise<Site> =>
    Site.start({ httpPort: 0, data: join(data, settings.name), ...settings }, LOCAL);
  const origin = await start({ name: "origin" });
  const relay = await start({ name: "relay", join: origin.url });
  try {
    await relay.setRoutes({
      ...relay.routes(),
      channels: {
        clip: {
          ...(relay.routes().channels["clip"] ?? {}),
          input: { from: ["origin"], stack, keep: true },
        },
      },
    } as Parameters<Site["setRoutes"]>[0]);
    await use({ origin, relay });
  } finally {
    await relay.stop();
    await origin.stop();
    await rm(data, { recursive: true, force: true });
  }
}

for (const [connection, stack, count] of [
  ["crypt:udp", "frag:crypt:udp", "crypt-keys-agreed"],
  ["frag(mtu=1200):crypt:udp", "frag(mtu=1200):crypt:udp", "crypt-keys-agreed"],
  ["crypt:tcp", "crypt:tcp", "crypt-keys-agreed"],
  ["crypt:websocket", "crypt:websocket", "crypt-keys-agreed"],
  ["frag:fault(loss=5%,seed=7):udp", "frag:fault(loss=0.05,seed=7):udp", "fault-lost"],
  [
    "crypt:fault(side=receive,loss=5%,burst=2,reorder=2%,duplicate=2%,delay=5ms,jitter=3ms,seed=7):udp",
    undefined,
    "fault-lost",
  ],
  ["crypt:fault(side=receive,delay=5ms,loss=1%,retry=30ms):tcp", undefined, "fault-lost"],
] as const) {
  test(`[S11] [S40] a clip comes whole over ${connection}`, { timeout: 60_000 }, () =>
    relayOver(connection, async ({ origin, relay }) => {
      const publication = await publishFile(CLIP, {
        site: origin.url,
        channel: "clip",
        loop: true,
      });
      const numbers = new Numbers();
      const watcher = await watchChannel(relay.url, "clip", {
        onPacket: (packet) => numbers.take(packet),
      });
      try {
        await numbers.reach(600);
        assert(numbers.check() > 400);
        assert.equal(watcher.stats.packetsLost, 0);
        const { peers } = await relay.snapshot();
        const link = peers.find(({ name, direction }) => name === "origin" && direction === "out");
        if (stack !== undefined) assert.equal(link?.stack, stack);
        assert((link?.counts[count] ?? 0) > 0, JSON.stringify(link?.counts));
        // The accepting side has what peers must agree on, and nothing else.
        const accepted = (await origin.snapshot()).peers.find(({ name }) => name === "relay");
        const expected = [
          ...(connection.endsWith("udp") ? ["frag"] : []),
          ...(connection.includes("crypt") ? ["crypt"] : []),
          connection.split(":").at(-1),
        ].join(":");
        assert.equal(accepted?.stack, expected);
      } finally {
        watcher.close();
        await publication.close();
      }
    }),
  );
}

test("[S50] what a trace module remembers can be asked for, by link", { timeout: 60_000 }, () =>
  relayOver("frag:crypt:trace(keep=64):udp", async ({ origin, relay }) => {
    const publication = await publishFile(CLIP, { site: origin.url, channel: "clip", loop: true });
    const numbers = new Numbers();
    const watcher = await watchChannel(relay.url, "clip", {
      onPacket: (packet) => numbers.take(packet),
    });
    try {
      await numbers.reach(100);
      const client = new SiteClient(relay.url);
      const { site, links } = await client.trace(1_000, "origin");
      assert.equal(site, "relay");
      const [link, ...others] = links;
      assert.deepEqual(others, []);
      assert.equal(link?.link, "origin");
      assert.equal(link?.stack, "trace(keep=64):udp");
      assert.equal(link?.events.length, 64);
      assert((link?.count ?? 0) > 100);
      // Below crypt there is nothing but sealed packets, of at most what a datagram may have.
      assert(link?.events.every(({ kind, length }) => kind === KIND.sealed && length <= 1_472));
      assert(link?.events.some(({ direction }) => direction === "received"));
      assert.deepEqual((await client.trace(10, "nobody")).links, []);
      assert.deepEqual((await new SiteClient(origin.url).trace(10)).links, []);
      await assert.rejects(client.trace(0), { code: "request-invalid" });
    } finally {
      watcher.close();
      await publication.close();
    }
  }),
);

test("[S11] links to other machines are private, those on this one are not, and plain ones are refused from outside", () => {
  const stacksOf = (privateLinks: boolean): LinkStacks =>
    new LinkStacks({
      clock: new SystemClock(),
      random: new SystemRandom(),
      log: SILENT,
      privateLinks,
    });
  const at = (host: string) => {
    const endpoint = { host, port: 7_000 };
    return { name: "south", http: endpoint, udp: endpoint };
  };
  const [strict, open] = [stacksOf(true), stacksOf(false)];
  assert.equal(strict.stackTo(at("10.0.0.7"), "udp"), "frag:crypt:udp");
  assert.equal(strict.stackTo(at("south.example"), "tcp"), "crypt:tcp");
  assert.equal(strict.stackTo(at("127.0.0.1"), "udp"), "frag:udp");
  assert.equal(strict.stackTo(at("localhost"), "websocket"), "websocket");
  assert.equal(open.stackTo(at("10.0.0.7"), "udp"), "frag:udp");
  assert.equal(open.stackTo(at("10.0.0.7"), "crypt:udp"), "frag:crypt:udp");
  const connection = (peer: string, isPrivate: boolean) =>
    ({ peer, isPrivate }) as unknown as Parameters<LinkStacks["refuse"]>[0];
  assert.equal(strict.refuse(connection("10.0.0.7:7000", false))?.code, "privacy-required");
  assert.equal(strict.refuse(connection("[fd00::7]:7000", false))?.code, "privacy-required");
  assert.equal(strict.refuse(connection("unknown", false))?.code, "privacy-required");
  assert.equal(strict.refuse(connection("10.0.0.7:7000", true)), undefined);
  assert.equal(strict.refuse(connection("127.0.0.1:7000", false)), undefined);
  assert.equal(strict.refuse(connection("[::1]:7000", false)), undefined);
  assert.equal(open.refuse(connection("10.0.0.7:7000", false)), undefined);
});
