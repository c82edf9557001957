import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { MeanderError } from "../base/index.ts";
import type { ChannelClient } from "../channel/index.ts";
import { connect, packageRoot, SiteClient } from "../client/index.ts";
import { publishFile, publishLines } from "../client/publish/index.ts";
import { type WatchEvents, watchChannel } from "../client/watch/index.ts";
import { KIND, kindOf, payloadOf } from "../wire/index.ts";
import { Site } from "./site.ts";
import type { SiteSettings } from "./site-options.ts";
import type { SitePorts } from "./site-ports.ts";

const CLIP = join(packageRoot(), "media", "clip.mp4");
const LOCAL: SitePorts = { plane: "local" };

interface Rig {
  readonly data: string;
  start(settings: SiteSettings, ports?: SitePorts): Promise<Site>;
  watch(site: Site, channel: string, events: WatchEvents): Promise<ChannelClient>;
  /** Runs at the end, newest first. */
  after(task: () => Promise<unknown>): void;
}

async function withRig(use: (rig: Rig) => Promise<void>): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), "meander-site-"));
  const tasks: (() => Promise<unknown>)[] = [];
  try {
    await use({
      data,
      start: async (settings, ports = LOCAL) => {
        const own = join(data, settings.name ?? "");
        const site = await Site.start({ httpPort: 0, data: own, ...settings }, ports);
        tasks.push(() => site.stop());
        return site;
      },
      watch: async (site, channel, events) => {
        const watcher = await watchChannel(site.url, channel, events);
        tasks.push(async () => watcher.close());
        return watcher;
      },
      after: (task) => void tasks.push(task),
    });
  } finally {
    for (const task of tasks.reverse()) await task();
    await rm(data, { recursive: true, force: true });
  }
}

/** Settles when `count` packets have come since it was made. */
function packetCounter(count: number): {
  readonly events: WatchEvents;
  readonly reached: Promise<void>;
  seen(): number;
} {
  let seen = 0;
  let reach = (): void => {};
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const onPacket = (): void => {
    seen++;
    if (seen === count) reach();
  };
  return { events: { onPacket }, reached, seen: () => seen };
}

for (const plane of ["worker", "local"] as const) {
  test(`a clip published at one site is watched at another, planes ${plane}`, () =>
    withRig(async ({ start, watch, after }) => {
      const origin = await start({ name: "origin" }, { plane });
      const relay = await start({ name: "relay", join: origin.url }, { plane });
      const publication = await publishFile(CLIP, {
        site: origin.url,
        channel: "clip",
        loop: true,
      });
      after(() => publication.close());
      assert.deepEqual(
        publication.answer.tracks.map(({ kind, codec, medium }) => [kind, codec, medium]),
        [
          ["video", "h264", 2],
          ["audio", "opus", 1],
        ],
      );
      const { events, reached } = packetCounter(200);
      const path = new Promise((resolve) => {
        void watch(relay, "clip", {
          ...events,
          onPath: (sites) => sites.length === 2 && resolve(sites),
        });
      });
      assert.deepEqual(await path, ["origin", "relay"]);
      await reached;
      const { snapshot } = await relay.channel("clip");
      assert.deepEqual(snapshot?.drops, {});
      assert.equal(snapshot?.inputs[0]?.name, "origin");
      assert.equal(snapshot?.subscribers[0]?.kind, "viewer");
    }));
}

test("media flows on while the directory is away, and the session is whole when it is back", () =>
  withRig(async ({ start, watch, after }) => {
    const leader = await start({ name: "leader" });
    const { port } = leader.record.http;
    const origin = await start({ name: "origin", join: leader.url });
    const relay = await start({ name: "relay", join: leader.url });
    const publication = await publishFile(CLIP, { site: origin.url, channel: "clip", loop: true });
    after(() => publication.close());
    const first = packetCounter(50);
    const watcher = await watch(relay, "clip", first.events);
    await first.reached;

    const away = statusOf(relay, "disconnected");
    await leader.stop();
    await away;
    assert.equal((await relay.health()).status, "degraded");
    const meanwhile = packetCounter(100);
    await watch(relay, "clip", meanwhile.events);
    await meanwhile.reached;

    await start({ name: "leader", httpPort: port, udpPort: 0 });
    await statusOf(relay, "connected");
    await statusOf(origin, "connected");
    await until(() => relay.session().sites.length === 3);
    assert.equal(relay.session().channels[0]?.id, publication.answer.id);
    const again = packetCounter(100);
    await watch(relay, "clip", again.events);
    await again.reached;
    assert.equal(watcher.stats.packetsLost, 0);
    assert.equal(watcher.stats.resumes, 0);
  }));

test("routes changed while media flows move the channel without a loss", () =>
  withRig(async ({ start, watch, after }) => {
    const origin = await start({ name: "origin" });
    const north = await start({ name: "north", join: origin.url });
    const south = await start({ name: "south", join: origin.url });
    const publication = await publishFile(CLIP, { site: origin.url, channel: "clip", loop: true });
    after(() => publication.close());
    const client = new SiteClient(south.url);
    const route = (from: string[], stack: string): unknown => ({
      channels: { clip: { input: { from, stack, keep: true } } },
    });
    await client.setRoutes(route(["origin"], "udp"));
    let path: readonly string[] = [];
    const watcher = await watch(south, "clip", {
      onPath: (sites) => {
        path = sites;
      },
    });
    await until(() => path.join() === "origin,south" && watcher.stats.packetsReceived > 50);
    await client.setRoutes(route(["north", "origin"], "udp"));
    await until(() => path.join() === "origin,north,south");
    const before = watcher.stats.packetsReceived;
    await until(() => watcher.stats.packetsReceived > before + 100);
    assert.equal(watcher.stats.packetsLost, 0);
    assert.equal((await north.snapshot()).channels[0]?.name, "clip");
  }));

test("lines published as messages arrive in order, through a relay over TCP", () =>
  withRig(async ({ start, watch }) => {
    const origin = await start({ name: "origin" });
    const relay = await start({ name: "relay", join: origin.url });
    await relay.setRoutes({ ...relay.routes(), stack: "tcp" });
    const heard: string[] = [];
    const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`);
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    async function* source(): AsyncGenerator<string> {
      yield "first";
      await begun;
      yield* lines;
    }
    const publication = await publishLines(source(), "text/plain", {
      site: origin.url,
      channel: "news",
    });
    await watch(relay, "news", {
      onPacket: (packet) => {
        if (kindOf(packet) === KIND.data) heard.push(new TextDecoder().decode(payloadOf(packet)));
        begin();
      },
    });
    await until(() => heard.length === 21);
    assert.deepEqual(heard, ["first", ...lines]);
    assert.equal(await publication.ended, undefined);
  }));

test("a channel that was never published is refused with a reason", () =>
  withRig(async ({ start, watch }) => {
    const origin = await start({ name: "origin" });
    const refusal = new Promise((resolve) => {
      void watch(origin, "nothing", {
        onState: (state) => state.type === "refused" && resolve(state),
      });
    });
    assert.deepEqual(await refusal, {
      type: "refused",
      code: "channel-unknown",
      message: 'no channel of the session is called "nothing"',
    });
  }));

test("a site that cannot reach a leader says so and leaves no socket behind", () =>
  withRig(async ({ start }) => {
    const origin = await start({ name: "origin" });
    const { url, record } = origin;
    await origin.stop();
    await assert.rejects(start({ name: "relay", join: url, httpPort: record.http.port }), {
      code: "directory-unreachable",
    });
    await start({ name: "origin", httpPort: record.http.port, udpPort: 0 });
  }));

test("streams run over two sites, move away from one that stops, and shells are told of its end", () =>
  withRig(async ({ start, after }) => {
    const origin = await start({ name: "origin" });
    const other = await start({ name: "other", join: origin.url });
    const shell = await connect(origin.url);
    const there = await connect(other.url);
    after(() => shell.close());
    const foo = await shell.createStream("foo", { at: "other" });
    await foo.registerAgent({
      briefcase: { all: "" },
      on: {
        append: (ctx, message: string) => {
          ctx.briefcase.all += message;
          return `${ctx.briefcase.all} at ${ctx.location}`;
        },
      },
    });
    const reply = async (message: string): Promise<unknown> =>
      (await foo.append(message, { until: "consumed" })).reply;
    assert.equal(await reply("a"), "a at other");
    assert.equal((await other.health()).streams, 1);
    await other.stop();
    assert.equal(((await there.closed) as MeanderError).code, "shell-disconnected");
    assert.equal(await reply("b"), "ab at origin");
    assert.deepEqual(
      origin.streams().streams.map(({ name, site }) => [name, site]),
      [["foo", "origin"]],
    );
  }));

test("the leader's streams, too, move away when it stops, and run on without it", () =>
  withRig(async ({ start, after }) => {
    const origin = await start({ name: "origin" });
    const other = await start({ name: "other", join: origin.url });
    const shell = await connect(other.url);
    after(() => shell.close());
    const foo = await shell.createStream("foo", { at: "origin" });
    await foo.registerAgent({ on: { append: (ctx, message) => `${message} at ${ctx.location}` } });
    const reply = async (message: string): Promise<unknown> =>
      (await foo.append(message, { until: "consumed" })).reply;
    assert.equal(await reply("a"), "a at origin");
    await origin.stop();
    assert.equal(await reply("b"), "b at other");
    assert.equal(other.session().directory, "disconnected");
  }));

test("a site takes no more streams than it may", () =>
  withRig(async ({ start, after }) => {
    const origin = await start({ name: "origin", maxStreams: 1 });
    const shell = await connect(origin.url);
    after(() => shell.close());
    await shell.createStream("first");
    await assert.rejects(shell.createStream("second"), { code: "site-full" });
  }));

test("two sites cannot have one name, and a second leader cannot have one folder", () =>
  withRig(async ({ start, data }) => {
    const origin = await start({ name: "origin" });
    await start({ name: "relay", join: origin.url });
    const again = { name: "relay", join: origin.url };
    await assert.rejects(start({ ...again, data: join(data, "other") }), {
      code: "site-name-taken",
    });
    await assert.rejects(start(again), { code: "records-in-use" });
    await assert.rejects(start({ name: "other", data: join(data, "origin") }), {
      code: "directory-in-use",
    });
  }));

test("a stopped site is gone from the session at once, and stopping twice is fine", () =>
  withRig(async ({ start }) => {
    const origin = await start({ name: "origin" });
    const relay = await start({ name: "relay", join: origin.url });
    await until(() => origin.session().sites.length === 2);
    await relay.stop();
    await relay.stop();
    assert.equal(await relay.ended, undefined);
    await until(() => origin.session().sites.length === 1);
  }));

/** Waits for a fact that nothing announces. */
async function until(fact: () => boolean): Promise<void> {
  while (!fact()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function statusOf(site: Site, directory: "connected" | "disconnected"): Promise<void> {
  await until(() => site.session().directory === directory);
}
