import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { channelAt } from "./support/network.ts";
import { endOf, meander } from "./support/processes.ts";
import { more, RelayNetwork, settle } from "./support/relay-network.ts";
import { PACKETS_PER_SECOND } from "./support/rtp-source.ts";
import { freePortPairs } from "./support/udp.ts";
import { Viewer } from "./support/viewer.ts";
import { until } from "./support/wait.ts";

const WINDOWS = process.platform === "win32";

const relays = RelayNetwork.use();

test("one relay receives a video channel over UDP and a text channel over TCP", async () => {
  const { ingest, edge } = relays;
  const input = (stack: string) => ({ input: { from: ["ingest"], stack, keep: false } });
  await edge.client.setRoutes({
    upstreams: ["middle", "ingest"],
    channels: { film: input("udp"), subtitles: input("tcp") },
  });
  await ingest.client.publishData("subtitles");
  await using source = await relays.publish("film");
  using film = await relays.watch("film");
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

test("subscribers beyond the limit are refused with a reason, and the others notice nothing", async () => {
  const { edge } = relays;
  await edge.client.setRoutes({
    upstreams: ["ingest"],
    channels: { scarce: { maxSubscribers: 1 } },
  });
  await using source = await relays.publish("scarce");
  using viewer = await relays.watch("scarce");
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

  // By bandwidth: the channel's rate is known by now, and a second subscriber would exceed the limit.
  await edge.client.setRoutes({ upstreams: ["ingest"], maxBitsPerSecond: 1_000 });
  await using thick = await relays.publish("thick");
  using crowd = await Viewer.open(edge.url, "thick", "crowd");
  await until("its rate is known", () => crowd.received.length > 3 * PACKETS_PER_SECOND);
  using extra = await Viewer.open(edge.url, "thick", "extra");
  const words = await until("the refusal", () =>
    extra.states.find((state) => state.type === "refused"),
  );
  assert.match(
    words.message,
    /edge may send 0\.0 Mbit\/s, and another subscriber would exceed that/,
  );
  await edge.client.setRoutes({ upstreams: ["middle", "ingest"] });
  await settle(thick, crowd);
});

test("a channel that closes, and others that come and go, disturb no other", async () => {
  const { ingest, edge } = relays;
  await using source = await relays.publish("steady");
  using viewer = await relays.watch("steady");
  for (const name of ["guest-1", "guest-2", "guest-3"]) {
    await using guest = await relays.publish(name);
    using watcher = await relays.watch(name);
    const [video] = await freePortPairs(1);
    const { id } = await edge.client.addOutput(name, "127.0.0.1", { video });
    await edge.client.removeOutput(id);
    await settle(guest, watcher);
    await ingest.client.unpublish(name);
  }
  await settle(source, viewer);
});

test("programs can read metrics, health and the description of the API", async () => {
  const { edge } = relays;
  await using source = await relays.publish("measured");
  using viewer = await relays.watch("measured");
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
test("after a restart, inputs and outputs opened through the API are back on their ports, with the statistics", {
  skip: WINDOWS ? "no SIGUSR2 on Windows" : false,
}, async () => {
  const ingest = relays.ingest;
  await using source = await relays.publish("kept");
  const [video] = await freePortPairs(1);
  await until("it is described", async () => {
    return (await channelAt(ingest, "kept"))?.description !== undefined;
  });
  await ingest.client.addOutput("kept", "127.0.0.1", { video });
  using viewer = await relays.watchByMiddle("kept");
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
  const snapshot = await until("the input and the output are open again", async () => {
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
  await until("new packets for the viewer", () => viewer.received.length >= end);

  const { site: now } = await ingest.client.site();
  const early = (await ratesOf()).filter(({ endsAt }) => endsAt < now.startedAt);
  assert.ok(early.length > 0, "the statistics include the time before the restart");
  await source.stop();
});

test("the log level changes in both threads of a running site, and is restored", async () => {
  const middle = relays.middle;
  const run = async (...args: readonly string[]): Promise<string> => {
    const running = meander("log", "middle", ...args, "--site", relays.lead.url);
    assert.equal(await endOf(running), 0, running.stderr());
    return running.stdout().trim();
  };
  assert.equal(await run(), "middle logs from info on");
  assert.match(await run("debug", "--for", "5s"), /^middle logs from debug on; back to info in/);
  // This line comes from the plane thread.
  const isTold = (): boolean => middle.running.stderr().includes("A WebSocket was not opened.");
  assert.equal(isTold(), false);
  const socket = connect(middle.httpPort, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(
    `GET /link HTTP/1.1\r\nhost: 127.0.0.1:${middle.httpPort}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n`,
  );
  await until("the line of the plane thread", isTold);
  socket.destroy();
  await until("the former level", async () => (await run()) === "middle logs from info on");
  const wrong = meander("log", "middle", "loud", "--site", relays.lead.url);
  assert.equal(await endOf(wrong), 2);
  assert.match(wrong.stderr(), /expected: debug, info, warn, error, silent/);
});

test("a restart is refused where no site has that name", async () => {
  const running = meander("restart", "nowhere", "--site", relays.lead.url);
  assert.equal(await endOf(running), 1);
  assert.match(running.stderr(), /no site of the session has that name/);
});

/** Throws once, in no handler of anybody, when the file is there: what a bug in the main thread does. */
const THROWS = `
const { existsSync } = require("node:fs");
if (require("node:worker_threads").isMainThread) {
  const looking = setInterval(() => {
    if (!existsSync(process.env.FAULT_FILE)) return;
    clearInterval(looking);
    throw new Error("thrown by the test");
  }, 20);
  looking.unref();
}
`;

test("a relay whose main thread throws leaves before it ends: its neighbour takes the way that it learned", async (t) => {
  const { edge, middle, network } = relays;
  const [preload, fault] = [join(network.folder, "throws.cjs"), join(network.folder, "fault")];
  await writeFile(preload, THROWS);
  process.kill(middle.pid, "SIGTERM");
  await middle.running.ended;
  const options = `${process.env["NODE_OPTIONS"] ?? ""} --require ${JSON.stringify(preload)}`;
  const faulty = await network.startWith({ NODE_OPTIONS: options, FAULT_FILE: fault }, "middle");
  await edge.client.setRoutes({ upstreams: ["middle"] });
  await using source = await relays.publish("faulty");
  using viewer = await relays.watchByMiddle("faulty");
  await until("what middle told", async () => {
    const inputs = (await channelAt(edge, "faulty"))?.inputs ?? [];
    const learned = inputs.find(({ name }) => name === "ingest");
    return learned?.origin?.kind === "learned" && learned.state === "standby";
  });

  const from = viewer.received.length;
  await writeFile(fault, "");
  assert.equal(await endOf(faulty.running), 1, "an error is no orderly stop");
  assert.match(faulty.running.stderr(), /thrown by the test.*An exception was not handled/);
  assert.match(faulty.running.stderr(), /Subscribers continue elsewhere/);
  await until("the way around it", () => viewer.path.join() === "ingest,edge");
  const { switches = [] } = (await channelAt(edge, "faulty")) ?? {};
  assert.deepEqual(
    switches.slice(-1).map(({ from: left, reason, to }) => [left, to, reason]),
    [["middle", "ingest", "the site is shutting down"]],
    "edge was told, and did not have to find out",
  );
  await more(viewer, 1);
  await network.start("middle");
  await until("the original path", () => viewer.path.join() === "ingest,middle,edge");
  await settle(source, viewer);
  const pause = viewer.longestPause(from);
  t.diagnostic(`longest pause ${pause.toFixed(0)} ms`);
  await edge.client.setRoutes({ upstreams: ["middle", "ingest"] });
});
