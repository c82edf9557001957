import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { channelAt, Network } from "./support/network.ts";
import { meander } from "./support/processes.ts";
import { PACKETS_PER_SECOND, RtpSource, sourceSdp } from "./support/rtp-source.ts";
import { freePortPairs } from "./support/udp.ts";
import { Viewer } from "./support/viewer.ts";
import { until } from "./support/wait.ts";

const WINDOWS = process.platform === "win32";

/** The media passes `ingest`, `middle` and `edge`, never the leader. */
let network: Network;

before(async () => {
  network = await Network.open("lead", "ingest", "middle", "edge");
  const { ingest, middle, edge } = sites();
  await middle.client.setRoutes({ upstreams: ["ingest"] });
  await edge.client.setRoutes({ upstreams: ["middle", "ingest"] });
  await until("everybody knows everybody", async () => {
    const views = await Promise.all([ingest, middle, edge].map(({ client }) => client.session()));
    return views.every(({ sites: known }) => known.length === 4);
  });
});

after(() => network?.[Symbol.asyncDispose]());

function sites() {
  const [lead, ingest, middle, edge] = ["lead", "ingest", "middle", "edge"].map((name) =>
    network.site(name),
  );
  if (!lead || !ingest || !middle || !edge) throw new Error("four sites run");
  return { lead, ingest, middle, edge };
}

/** Publishes a source at `ingest`. */
async function publish(channel: string, input = "main"): Promise<RtpSource> {
  const settings = { ports: "assign", input, source: "capture" } as const;
  const answer = await sites().ingest.client.publishSdp(channel, sourceSdp(channel), settings);
  const ports = answer.tracks.map(({ rtpPort }) => rtpPort);
  return RtpSource.start({ ports, ssrc: 0x1234_5678 });
}

/** Watches at `edge`, and waits for a second of packets. */
async function watch(channel: string): Promise<Viewer> {
  const viewer = await Viewer.open(sites().edge.url, channel);
  await until(`packets of ${channel}`, () => viewer.received.length > PACKETS_PER_SECOND);
  return viewer;
}

/** Waits until a viewer got so many packets more. */
async function more(viewer: Viewer, seconds: number): Promise<void> {
  const end = viewer.received.length + seconds * PACKETS_PER_SECOND;
  await until(`${seconds} s more`, () => viewer.received.length >= end);
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

test("media flows on while the leader is dead, and the session is whole when it is back", async (t) => {
  const { lead, ingest, middle, edge } = sites();
  await ingest.client.publishSdp("kept", sourceSdp("kept"), { ports: "assign" });
  await ingest.client.unpublish("kept");
  await using source = await publish("lasting");
  using viewer = await watch("lasting");
  const before = (await edge.client.session()).channels.find(({ name }) => name === "lasting");
  assert.ok(before !== undefined);

  await network.kill("lead");
  const died = viewer.received.length;
  await until("the others notice", async () => (await edge.client.health()).status === "degraded");
  assert.equal((await ingest.client.health()).directory, "disconnected");
  await more(viewer, 1);
  // What runs does so without the directory, for newcomers too.
  using newcomer = await watch("lasting");
  assert.equal(newcomer.account().missing, 0);
  await ingest.client.publishSdp("kept", sourceSdp("kept"), { ports: "assign" });

  const started = performance.now();
  const again = await network.start("lead");
  assert.equal(again.url, lead.url);
  await until("all sites are back in the session", async () => {
    const [view, ...healths] = await Promise.all([
      again.client.session(),
      ...[ingest, middle, edge].map(({ client }) => client.health()),
    ]);
    return view.sites.length === 4 && healths.every(({ status }) => status === "ok");
  });
  t.diagnostic(
    `the session is whole ${Math.round(performance.now() - started)} ms after the start`,
  );
  const after = (await again.client.session()).channels.find(({ name }) => name === "lasting");
  assert.equal(after?.id, before.id, "the channel keeps its id");
  const { id } = await ingest.client.publishData("after-restart");
  assert.ok(id > before.id, `a new channel has a new id: ${id}, after ${before.id}`);
  await more(viewer, 1);

  await settle(source, viewer);
  t.diagnostic(`longest pause since the kill ${viewer.longestPause(died).toFixed(0)} ms`);
  assert.ok(viewer.longestPause(died) < 1_000);
});

test("a relay that stands still for 400 ms is a false alarm that loses and repeats nothing", {
  skip: WINDOWS ? "no SIGSTOP on Windows" : false,
}, async (t) => {
  const { middle, edge } = sites();
  await using source = await publish("halting");
  using viewer = await watch("halting");
  await until("the way over middle", () => viewer.path.join() === "ingest,middle,edge");
  const from = viewer.received.length;
  process.kill(middle.pid, "SIGSTOP");
  try {
    // The stop is the test: its length decides that it is suspected, and not given up.
    await new Promise((resolve) => setTimeout(resolve, 400));
  } finally {
    process.kill(middle.pid, "SIGCONT");
  }
  await until("middle carries it again", async () => {
    const inputs = (await channelAt(edge, "halting"))?.inputs ?? [];
    return inputs.find(({ name }) => name === "middle")?.state === "active";
  });
  await more(viewer, 1);
  await settle(source, viewer);
  const { drops, inputs } = (await channelAt(edge, "halting")) ?? {};
  t.diagnostic(`longest pause ${viewer.longestPause(from).toFixed(0)} ms`);
  t.diagnostic(`at edge: drops ${JSON.stringify(drops)}`);
  const other = inputs?.find(({ name }) => name === "ingest");
  assert.ok((other?.packets ?? 0) > 0, "the alternative stood in");
  assert.ok(viewer.longestPause(from) < 300, "which kept the stop from being seen");
});

test("a route that is changed while media flows loses and repeats nothing", async (t) => {
  const { edge } = sites();
  await using source = await publish("switching");
  using viewer = await watch("switching");
  await until("the way over middle", () => viewer.path.join() === "ingest,middle,edge");
  const from = viewer.received.length;
  const file = join(network.folder, "routes.json");
  const set = async (routes: unknown): Promise<void> => {
    await writeFile(file, JSON.stringify(routes));
    const running = meander("config", "set", file, "--site", edge.url, "--json");
    assert.equal(await running.ended, 0, running.stderr());
  };
  await set({ upstreams: ["ingest"] });
  await until("the direct way", () => viewer.path.join() === "ingest,edge");
  await more(viewer, 0.5);
  await set({ upstreams: ["middle", "ingest"] });
  await until("the old way", () => viewer.path.join() === "ingest,middle,edge");
  await more(viewer, 0.5);
  // And over another kind of connection.
  await set({ upstreams: ["middle", "ingest"], stack: "tcp" });
  await until("over TCP", async () => {
    const inputs = (await channelAt(edge, "switching"))?.inputs ?? [];
    return inputs.some(({ connection, state }) => connection === "tcp" && state === "active");
  });
  await more(viewer, 0.5);
  await set({ upstreams: ["middle", "ingest"] });
  await settle(source, viewer);
  t.diagnostic(`longest pause ${viewer.longestPause(from).toFixed(0)} ms`);
  assert.ok(viewer.longestPause(from) < 500);
});

test("one relay takes a video channel over UDP and a text channel over TCP", async () => {
  const { ingest, edge } = sites();
  const input = (stack: string) => ({ input: { from: ["ingest"], stack, keep: false } });
  await edge.client.setRoutes({
    upstreams: ["middle", "ingest"],
    channels: { film: input("udp"), subtitles: input("tcp") },
  });
  await ingest.client.publishData("subtitles");
  await using source = await publish("film");
  using film = await watch("film");
  using subtitles = await Viewer.open(edge.url, "subtitles");
  await until("both are subscribed", async () => {
    return (await channelAt(ingest, "subtitles"))?.subscribers.some(
      ({ state }) => state === "live",
    );
  });
  const lines = Array.from({ length: 50 }, (_, index) => `line ${index}`);
  for (const line of lines) await ingest.client.sendMessage("subtitles", "text/plain", line);
  await until("the last line", () => subtitles.messages.at(-1) === lines.at(-1));
  assert.deepEqual(subtitles.messages, lines);
  await settle(source, film);
  const { snapshot } = await edge.client.site();
  const connections = Object.fromEntries(
    snapshot.channels.map(({ name, inputs }) => [
      name,
      inputs.filter(({ state }) => state === "active").map(({ connection }) => connection),
    ]),
  );
  assert.deepEqual(connections["film"], ["frag:udp"]);
  assert.deepEqual(connections["subtitles"], ["tcp"]);
  const stacks = snapshot.peers.filter(({ name }) => name === "ingest").map(({ stack }) => stack);
  assert.deepEqual([...new Set(stacks)].sort(), ["frag:udp", "tcp"]);
});

test("when one of two redundant inputs dies the viewer goes on within the silence allowed", async (t) => {
  const { ingest } = sites();
  const silenceMs = 300;
  await ingest.client.setRoutes({ channels: { doubled: { maxPublishers: 2, silenceMs } } });
  await until("the configuration", async () => {
    return (await ingest.client.routes()).channels["doubled"]?.maxPublishers === 2;
  });
  const settings = { ports: "assign", source: "capture" } as const;
  const open = (input: string) =>
    ingest.client.publishSdp("doubled", sourceSdp("doubled"), { ...settings, input });
  const [main, backup] = [await open("main"), await open("backup")];
  const ports = [main, backup].flatMap(({ tracks }) => tracks.map(({ rtpPort }) => rtpPort));
  await using source = await RtpSource.start({ ports, ssrc: 77 });
  using viewer = await watch("doubled");
  const states = async () =>
    Object.fromEntries(
      ((await channelAt(ingest, "doubled"))?.inputs ?? []).map(({ name, state }) => [name, state]),
    );
  assert.deepEqual(await states(), { main: "active", backup: "standby" });

  const from = viewer.received.length;
  source.ports = ports.slice(1);
  await until("backup carries it", async () => (await states())["backup"] === "active");
  assert.equal((await states())["main"], "down");
  await more(viewer, 1);
  const pause = viewer.longestPause(from);
  source.ports = ports;
  await until("main carries it again", async () => (await states())["main"] === "active");
  await more(viewer, 0.5);
  await ingest.client.unpublish("doubled", "main");
  await more(viewer, 0.5);
  await settle(source, viewer);
  assert.equal(viewer.flows.length, 1, "the same capture stays the same flow");
  t.diagnostic(`longest pause ${pause.toFixed(0)} ms with ${silenceMs} ms of silence allowed`);
  assert.ok(pause < silenceMs + 150, `it stood for ${pause} ms`);
});

test("subscribers beyond the limit are refused in words, and the others see nothing of it", async () => {
  const { edge } = sites();
  await edge.client.setRoutes({
    upstreams: ["ingest"],
    channels: { scarce: { maxSubscribers: 1 } },
  });
  await using source = await publish("scarce");
  using viewer = await watch("scarce");
  using second = await Viewer.open(edge.url, "scarce", "second");
  const refusal = await until("the refusal", () =>
    second.states.find((state) => state.type === "refused"),
  );
  assert.equal(refusal.code, "admission-refused");
  assert.match(refusal.message, /scarce at edge has its 1 subscribers; try another site/);
  const [video] = await freePortPairs(1);
  await assert.rejects(edge.client.addOutput("scarce", "127.0.0.1", { video }), {
    code: "admission-refused",
  });
  const { snapshot } = await edge.client.site();
  assert.ok((snapshot.drops["admission-refused"] ?? 0) >= 1, "it is counted");
  second.close();
  await settle(source, viewer);
  viewer.close();

  // By bandwidth: the channel's rate is known by now, and a second subscriber would pass it.
  await edge.client.setRoutes({ upstreams: ["ingest"], maxBitsPerSecond: 1_000 });
  await using thick = await publish("thick");
  using crowd = await Viewer.open(edge.url, "thick", "crowd");
  await until("its rate is known", () => crowd.received.length > 3 * PACKETS_PER_SECOND);
  using extra = await Viewer.open(edge.url, "thick", "extra");
  const words = await until("the refusal", () =>
    extra.states.find((state) => state.type === "refused"),
  );
  assert.match(words.message, /edge may send 0\.0 Mbit\/s and another subscriber would exceed that/);
  await edge.client.setRoutes({ upstreams: ["middle", "ingest"] });
  await settle(thick, crowd);
});

test("a channel that goes, and others that come and go, disturb nobody", async () => {
  const { ingest, edge } = sites();
  await using source = await publish("steady");
  using viewer = await watch("steady");
  for (const name of ["guest-1", "guest-2", "guest-3"]) {
    await using guest = await publish(name);
    using watcher = await watch(name);
    const [video] = await freePortPairs(1);
    const { id } = await edge.client.addOutput(name, "127.0.0.1", { video });
    await edge.client.removeOutput(id);
    await settle(guest, watcher);
    await ingest.client.unpublish(name);
  }
  await settle(source, viewer);
});

test("metrics, health and the description of the API can be read by programs", async () => {
  const { edge } = sites();
  await using source = await publish("measured");
  using viewer = await watch("measured");
  const get = async (path: string): Promise<Response> => {
    const response = await fetch(edge.url + path);
    assert.equal(response.status, 200, path);
    return response;
  };
  const metrics = await get("/metrics");
  assert.match(metrics.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const lines = (await metrics.text()).split("\n").filter((line) => line !== "");
  const sample =
    /^[a-zA-Z_:][\w:]*(\{([a-zA-Z_]\w*="(\\.|[^"\\])*",?)*\})? (-?[\d.e+-]+|NaN|[+-]Inf)$/;
  const typed = new Set<string>();
  for (const line of lines) {
    if (line.startsWith("# TYPE ")) {
      const name = line.split(" ")[2] as string;
      assert.ok(!typed.has(name), `${name} is described once`);
      typed.add(name);
    } else if (!line.startsWith("#")) assert.match(line, sample);
  }
  const has = (name: string, ...labels: readonly string[]): boolean =>
    lines.some((line) => line.startsWith(name) && labels.every((label) => line.includes(label)));
  assert.ok(has("meander_channel_packets_in_total{", 'channel="measured"', 'site="edge"'));
  assert.ok(has("meander_input_packets_total{", 'channel="measured"', 'input="ingest"'));
  assert.ok(has("process_cpu_seconds_total"));

  const health = (await (await get("/health")).json()) as Record<string, unknown>;
  assert.equal(health["status"], "ok");
  assert.equal(health["site"], "edge");

  const document = (await (await get("/openapi.json")).json()) as {
    openapi: string;
    paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
  };
  assert.match(document.openapi, /^3\.1/);
  for (const path of ["/health", "/api/session", "/api/site", "/api/config", "/channels/{name}"]) {
    assert.ok(document.paths[path] !== undefined, path);
  }
  for (const operations of Object.values(document.paths)) {
    for (const { responses } of Object.values(operations)) {
      assert.ok("default" in responses, "every operation says how it fails");
    }
  }
  await settle(source, viewer);
});
