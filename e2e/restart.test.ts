import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { channelAt, Network } from "./support/network.ts";
import { endOf, json, meander } from "./support/processes.ts";
import { PACKETS_PER_SECOND, RtpSource, sourceSdp } from "./support/rtp-source.ts";
import { freePortPairs } from "./support/udp.ts";
import { Viewer } from "./support/viewer.ts";
import { until } from "./support/wait.ts";

const WINDOWS = process.platform === "win32";

/** The media passes `ingest`, `middle` and `edge`, never the leader. */
let network: Network;

before(async () => {
  network = await Network.open("lead", "ingest", "middle", "edge");
  await network.site("middle").client.setRoutes({ upstreams: ["ingest"] });
  await network.site("edge").client.setRoutes({ upstreams: ["middle", "ingest"] });
  await until("everybody knows everybody", async () => {
    const sites = ["ingest", "middle", "edge"].map((name) => network.site(name));
    const views = await Promise.all(sites.map(({ client }) => client.session()));
    return views.every(({ sites: known }) => known.length === 4);
  });
});

after(() => network?.[Symbol.asyncDispose]());

async function publish(channel: string): Promise<RtpSource> {
  const settings = { ports: "assign", source: "capture" } as const;
  const { tracks } = await network
    .site("ingest")
    .client.publishSdp(channel, sourceSdp(channel), settings);
  return RtpSource.start({ ports: tracks.map(({ rtpPort }) => rtpPort), ssrc: 0x5678 });
}

async function watch(channel: string): Promise<Viewer> {
  const viewer = await Viewer.open(network.site("edge").url, channel);
  await until("the way over middle", () => viewer.path.join() === "ingest,middle,edge");
  await until("a second of packets", () => viewer.received.length > PACKETS_PER_SECOND);
  return viewer;
}

/** Ends the source, and holds what the viewer got against what was sent: everything, each once, to the last. */
async function settle(source: RtpSource, viewer: Viewer): Promise<void> {
  await source.stop();
  const last = (source.count - 1) & 0xffff;
  await until("the last packet", () => viewer.received.some(({ sequence }) => sequence === last));
  const { missing, repeated } = viewer.account();
  assert.deepEqual({ missing, repeated, gaps: viewer.gaps }, { missing: 0, repeated: 0, gaps: 0 });
  assert.equal(viewer.stats.packetsLost, 0);
}

/** `meander restart`, as somebody types it. */
async function restart(name: string): Promise<{ readonly pid: number; readonly ms: number }> {
  const running = meander("restart", name, "--site", network.site("lead").url, "--json");
  assert.equal(await endOf(running, 60_000), 0, running.stderr());
  const answer = json<{ pid: number; ms: number }>(running.stdout());
  assert.ok(answer !== undefined, running.stdout());
  return answer;
}

test("a relay restarts while media passes it: nothing is lost or repeated, and it is there again", async (t) => {
  await using source = await publish("through");
  using viewer = await watch("through");
  const before = network.site("middle");
  const from = viewer.received.length;
  const { pid, ms } = await restart("middle");
  t.diagnostic(`back after ${ms} ms`);
  assert.notEqual(pid, before.pid);
  const { site } = await before.client.site();
  assert.deepEqual([site.http.port, site.udp.port], [before.httpPort, before.udpPort]);
  // When it carries the channel again depends on how calm the machine is; that it can is enough here.
  await until("middle stands by, or carries it again", async () => {
    const inputs = (await channelAt(network.site("edge"), "through"))?.inputs ?? [];
    const middle = inputs.find(({ name }) => name === "middle");
    return middle?.state === "standby" || middle?.state === "active";
  });
  await settle(source, viewer);
  const pause = viewer.longestPause(from);
  t.diagnostic(`longest pause ${pause.toFixed(0)} ms`);
  assert.ok(pause < 1_000, `it stood for ${pause} ms`);
});

test("a viewer whose own site restarts goes on at another, without a loss", async (t) => {
  await using source = await publish("own");
  using viewer = await watch("own");
  const from = viewer.received.length;
  await restart("edge");
  const end = viewer.received.length + PACKETS_PER_SECOND;
  await until("it goes on", () => viewer.received.length >= end);
  await settle(source, viewer);
  assert.ok(
    viewer.states.every(({ type }) => type !== "lost"),
    "it went before its site was gone",
  );
  const pause = viewer.longestPause(from);
  t.diagnostic(`longest pause ${pause.toFixed(0)} ms`);
  assert.ok(pause < 1_000, `it stood for ${pause} ms`);
});

test("inputs and outputs that were opened through the API come back on their ports, and the history stays", {
  skip: WINDOWS ? "no SIGUSR2 on Windows" : false,
}, async () => {
  const ingest = network.site("ingest");
  await using source = await publish("kept");
  const [video] = await freePortPairs(1);
  await until("it is described", async () => {
    return (await channelAt(ingest, "kept"))?.description !== undefined;
  });
  await ingest.client.addOutput("kept", "127.0.0.1", { video });
  using viewer = await watch("kept");
  const ratesOf = async () => {
    const { series, from, stepMs } = await ingest.client.stats("10m", "kept");
    const rates = series.find(({ name }) => name === "bits-in")?.values ?? [];
    return rates.flatMap((rate, index) =>
      rate === null || rate === 0 ? [] : [{ rate, endsAt: from + (index + 1) * stepMs }],
    );
  };
  await until("statistics", async () => (await ratesOf()).length > 0);
  const { site: before } = await ingest.client.site();

  process.kill(before.pid, "SIGUSR2");
  const snapshot = await until("the input is open again, and sends", async () => {
    const { site, snapshot: now } = await ingest.client.site();
    const channel = now.channels.find(({ name }) => name === "kept");
    const isOut = channel?.subscribers.some(({ kind, packets }) => kind === "rtp" && packets > 0);
    return site.instance !== before.instance && isOut === true ? channel : undefined;
  });
  assert.deepEqual(
    snapshot.inputs.map(({ name, kind, state }) => [name, kind, state]),
    [["main", "rtp", "active"]],
  );
  const end = viewer.received.length + PACKETS_PER_SECOND;
  await until("the viewer gets what comes now", () => viewer.received.length >= end);

  const { site: now } = await ingest.client.site();
  const early = (await ratesOf()).filter(({ endsAt }) => endsAt < now.startedAt);
  assert.ok(early.length > 0, "the statistics tell of the time before the restart");
  await source.stop();
});

test("the level of the log changes in both threads of a running site, and goes back", async () => {
  const middle = network.site("middle");
  const run = async (...args: readonly string[]): Promise<string> => {
    const running = meander("log", "middle", ...args, "--site", network.site("lead").url);
    assert.equal(await endOf(running), 0, running.stderr());
    return running.stdout().trim();
  };
  assert.equal(await run(), "middle logs from info on");
  assert.match(await run("debug", "--for", "5s"), /^middle logs from debug on; back to info in/);
  // Its words come from the plane's thread.
  const isTold = (): boolean => middle.running.stderr().includes("A WebSocket was not opened.");
  assert.equal(isTold(), false);
  const socket = connect(middle.httpPort, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(
    `GET /link HTTP/1.1\r\nhost: 127.0.0.1:${middle.httpPort}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n`,
  );
  await until("the plane's line", isTold);
  socket.destroy();
  await until("the level before", async () => (await run()) === "middle logs from info on");
  const wrong = meander("log", "middle", "loud", "--site", network.site("lead").url);
  assert.equal(await endOf(wrong), 2);
  assert.match(wrong.stderr(), /expected: debug, info, warn, error, silent/);
});

test("a restart is refused where nobody would start the site again, or no site has that name", async () => {
  const running = meander("restart", "nowhere", "--site", network.site("lead").url);
  assert.equal(await endOf(running), 1);
  assert.match(running.stderr(), /no site of the session has that name/);
});
