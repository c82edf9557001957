// Runs alone: it measures how long media pauses.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { publishFile } from "../src/site/index.ts";
import { openBrowser } from "./support/browser.ts";
import { channelAt } from "./support/network.ts";
import { playerStats } from "./support/player.ts";
import { endOf, json, meander, type Running } from "./support/processes.ts";
import { CHROMIUM, needs } from "./support/programs.ts";
import { more, RelayNetwork, settle } from "./support/relay-network.ts";
import { PACKETS_PER_SECOND, RtpSource, sourceSdp } from "./support/rtp-source.ts";
import { until } from "./support/wait.ts";

const WINDOWS = process.platform === "win32";

const relays = RelayNetwork.use();

test("media flows while the leader is dead, and the session is complete when it is back", async (t) => {
  const { lead, ingest, middle, edge } = relays;
  await ingest.client.publishSdp("kept", sourceSdp("kept"), { ports: "assign" });
  await ingest.client.unpublish("kept");
  await using source = await relays.publish("lasting");
  using viewer = await relays.watch("lasting");
  const before = (await edge.client.session()).channels.find(({ name }) => name === "lasting");
  assert.ok(before !== undefined);

  await relays.network.kill("lead");
  const died = viewer.received.length;
  await until(
    "the others notice it",
    async () => (await edge.client.health()).status === "degraded",
  );
  assert.equal((await ingest.client.health()).directory, "disconnected");
  await more(viewer, 1);
  // Forwarding needs no directory, for new viewers either.
  using newcomer = await relays.watch("lasting");
  assert.equal(newcomer.account().missing, 0);
  await ingest.client.publishSdp("kept", sourceSdp("kept"), { ports: "assign" });

  const started = performance.now();
  const again = await relays.network.start("lead");
  assert.equal(again.url, lead.url);
  await until("all sites are back in the session", async () => {
    const [view, ...healths] = await Promise.all([
      again.client.session(),
      ...[ingest, middle, edge].map(({ client }) => client.health()),
    ]);
    return view.sites.length === 4 && healths.every(({ status }) => status === "ok");
  });
  t.diagnostic(
    `the session is complete ${Math.round(performance.now() - started)} ms after the start`,
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

test("a relay that halts for 400 ms is a false alarm: nothing is lost or repeated", {
  skip: WINDOWS ? "no SIGSTOP on Windows" : false,
}, async (t) => {
  const { middle, edge } = relays;
  await using source = await relays.publish("halting");
  using viewer = await relays.watch("halting");
  await until("the path over middle", () => viewer.path.join() === "ingest,middle,edge");
  const from = viewer.received.length;
  process.kill(middle.pid, "SIGSTOP");
  try {
    // The halt is the test: its length decides that the relay is suspected, and not given up.
    await new Promise((resolve) => setTimeout(resolve, 400));
  } finally {
    process.kill(middle.pid, "SIGCONT");
  }
  await until("middle is active again", async () => {
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
  assert.ok(viewer.longestPause(from) < 300, "so the halt is not visible");
});

test("a route changed while media flows loses and repeats nothing", async (t) => {
  const { edge } = relays;
  await using source = await relays.publish("switching");
  using viewer = await relays.watch("switching");
  await until("the path over middle", () => viewer.path.join() === "ingest,middle,edge");
  const from = viewer.received.length;
  const file = join(relays.network.folder, "routes.json");
  const set = async (routes: unknown): Promise<void> => {
    await writeFile(file, JSON.stringify(routes));
    const running = meander("config", "set", file, "--site", edge.url, "--json");
    assert.equal(await running.ended, 0, running.stderr());
  };
  await set({ upstreams: ["ingest"] });
  await until("the direct path", () => viewer.path.join() === "ingest,edge");
  await more(viewer, 0.5);
  await set({ upstreams: ["middle", "ingest"] });
  await until("the old path", () => viewer.path.join() === "ingest,middle,edge");
  await more(viewer, 0.5);
  // And over another stack.
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

test("when one of two redundant inputs dies, the other stands in within the silence allowed", async (t) => {
  const { ingest } = relays;
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
  using viewer = await relays.watch("doubled");
  const states = async () =>
    Object.fromEntries(
      ((await channelAt(ingest, "doubled"))?.inputs ?? []).map(({ name, state }) => [name, state]),
    );
  assert.deepEqual(await states(), { main: "active", backup: "standby" });

  const from = viewer.received.length;
  source.ports = ports.slice(1);
  await until("backup is active", async () => (await states())["backup"] === "active");
  assert.equal((await states())["main"], "down");
  await more(viewer, 1);
  const pause = viewer.longestPause(from);
  source.ports = ports;
  await until("main is active again", async () => (await states())["main"] === "active");
  await more(viewer, 0.5);
  await ingest.client.unpublish("doubled", "main");
  await more(viewer, 0.5);
  await settle(source, viewer);
  assert.equal(viewer.flows.length, 1, "the same capture stays the same flow");
  t.diagnostic(`longest pause ${pause.toFixed(0)} ms with ${silenceMs} ms of silence allowed`);
  assert.ok(pause < silenceMs + 150, `it paused for ${pause} ms`);
});

/** `meander restart`, by the command line. */
async function restart(name: string): Promise<{ readonly pid: number; readonly ms: number }> {
  const running = meander("restart", name, "--site", relays.lead.url, "--json");
  assert.equal(await endOf(running, 60_000), 0, running.stderr());
  const answer = json<{ pid: number; ms: number }>(running.stdout());
  assert.ok(answer !== undefined, running.stdout());
  return answer;
}

test("a relay restarts while it forwards media: nothing is lost or repeated, and it is back", async (t) => {
  await using source = await relays.publish("through");
  using viewer = await relays.watchByMiddle("through");
  const before = relays.middle;
  const from = viewer.received.length;
  const { pid, ms } = await restart("middle");
  t.diagnostic(`back after ${ms} ms`);
  assert.notEqual(pid, before.pid);
  const { site } = await before.client.site();
  assert.deepEqual([site.http.port, site.udp.port], [before.httpPort, before.udpPort]);
  // When it is active again depends on how quiet the machine is; that it can be is enough here.
  await until("middle is standby, or active again", async () => {
    const inputs = (await channelAt(relays.edge, "through"))?.inputs ?? [];
    const middle = inputs.find(({ name }) => name === "middle");
    return middle?.state === "standby" || middle?.state === "active";
  });
  await settle(source, viewer);
  const pause = viewer.longestPause(from);
  t.diagnostic(`longest pause ${pause.toFixed(0)} ms`);
  assert.ok(pause < 1_000, `it paused for ${pause} ms`);
});

test("a viewer whose own site restarts continues at another, without a loss", async (t) => {
  await using source = await relays.publish("own");
  using viewer = await relays.watchByMiddle("own");
  const from = viewer.received.length;
  await restart("edge");
  const end = viewer.received.length + PACKETS_PER_SECOND;
  await until("more packets", () => viewer.received.length >= end);
  await settle(source, viewer);
  assert.ok(
    viewer.states.every(({ type }) => type !== "lost"),
    "it changed before its site was gone",
  );
  const pause = viewer.longestPause(from);
  t.diagnostic(`longest pause ${pause.toFixed(0)} ms`);
  assert.ok(pause < 1_000, `it paused for ${pause} ms`);
});

for (const way of ["killed", "stopped"] as const) {
  test(`a relay is ${way} that is the only one of a route, while the leader stands still: its neighbour knows the way around it`, {
    skip: WINDOWS ? "no SIGSTOP on Windows" : false,
  }, async (t) => {
    const { edge, lead, middle, network } = relays;
    await edge.client.setRoutes({ upstreams: ["middle"] });
    await using source = await relays.publish(`around-${way}`);
    using viewer = await relays.watchByMiddle(`around-${way}`);
    const inputs = async () => (await channelAt(edge, `around-${way}`))?.inputs ?? [];
    await until("what middle told", async () => {
      const learned = (await inputs()).find(({ name }) => name === "ingest");
      return learned?.origin?.kind === "learned" && learned.state === "standby";
    });
    const from = viewer.received.length;
    process.kill(lead.pid, "SIGSTOP");
    try {
      if (way === "killed") await network.kill("middle");
      else {
        process.kill(middle.pid, "SIGTERM");
        await middle.running.ended;
      }
      await until("the way around it", () => viewer.path.join() === "ingest,edge");
      await more(viewer, 1);
    } finally {
      process.kill(lead.pid, "SIGCONT");
    }
    const pause = viewer.longestPause(from);
    await network.start("middle");
    await until("the original path", () => viewer.path.join() === "ingest,middle,edge");
    await more(viewer, 0.5);
    await settle(source, viewer);
    t.diagnostic(`longest pause ${pause.toFixed(0)} ms`);
    assert.ok(pause < (way === "killed" ? 500 : 300), `it paused for ${pause} ms`);
    await edge.client.setRoutes({ upstreams: ["middle", "ingest"] });
  });
}

/** What `meander test send` or `receive` says at its end. */
interface TestEnd {
  readonly type: "ended";
  readonly sent: number;
  readonly bitsPerSecond: number;
  readonly received: number;
  readonly lost: number;
  readonly repeated: number;
  readonly lastNumber: number;
  readonly path: readonly string[];
}

/** Interrupts it, as Ctrl-C does. */
async function finish(running: Running): Promise<TestEnd> {
  running.child.kill("SIGINT");
  assert.equal(await endOf(running), 0, running.stderr());
  const end = running
    .stdout()
    .trim()
    .split("\n")
    .map(json<TestEnd>)
    .at(-1);
  assert.ok(end?.type === "ended", running.stdout());
  return end;
}

test("a test stream is received whole, and logged, while the receiver's site restarts", async (t) => {
  const { ingest, edge, middle, network } = relays;
  const [log, sites] = [join(network.folder, "arrivals.csv"), [edge, middle, ingest]];
  const linesOf = async (): Promise<string[]> => (await readFile(log, "utf8")).trim().split("\n");
  const sender = meander(
    ...["test", "send", "probe", "--rate", "400k", "--pps", "100", "--json"],
    ...["--site", ingest.url],
  );
  await sender.line((line) => json<{ type: string }>(line)?.type === "sending" || undefined);
  const receiver = meander(
    ...["test", "receive", "probe", "--log", log, "--json", "--no-follow"],
    ...sites.flatMap(({ url }) => ["--site", url]),
  );
  const liveAt = (): (string | undefined)[] =>
    receiver
      .stdout()
      .split("\n")
      .map(json<{ type: string; site: string }>)
      .flatMap((state) => (state?.type === "live" ? [state.site] : []));
  await until("a second of packets", async () => (await linesOf()).length > 100);
  await restart("edge");
  await until("another site", () => liveAt().length > 1);
  const before = (await linesOf()).length;
  await until("a second of packets more", async () => (await linesOf()).length > before + 100);
  const sent = await finish(sender);
  await until("the last packet", async () =>
    (await linesOf()).some((line) => line.split(",")[1] === `${sent.sent - 1}`),
  );
  const { lastNumber, lost, path, received, repeated } = await finish(receiver);
  assert.deepEqual(
    { lost, repeated, lastNumber },
    { lost: 0, repeated: 0, lastNumber: sent.sent - 1 },
  );
  const [first, other] = liveAt();
  assert.equal(first, "edge");
  assert.ok(other !== "edge", "it continued elsewhere");
  assert.deepEqual(path, other === "ingest" ? ["ingest"] : ["ingest", "middle"]);
  const [head, ...lines] = await linesOf();
  assert.equal(head, "arrivalMs,number,interArrivalMs,latencyMs");
  assert.equal(lines.length, received);
  t.diagnostic(`${Math.round(sent.bitsPerSecond / 1000)} kbit/s sent, of 400`);
  assert.ok(sent.bitsPerSecond < 440_000);
});

test("[W48] a channel that has lost its only way says so, to viewers, in the player and in the state, until it is back", {
  skip: needs({ chromium: CHROMIUM }),
}, async (t) => {
  const { edge, network } = relays;
  const channel = "severed";
  const publish = () =>
    publishFile("media/clip.mp4", { site: relays.ingest.url, channel, loop: true });
  const lost = await publish();
  using viewer = await relays.watch(channel);
  await using browser = await openBrowser();
  const { page } = browser;
  await page.goto(`${edge.url}/player.html?channel=${channel}`);
  const moves = (count: number) =>
    until("the picture moves", async () => {
      return ((await playerStats(page))["framesPresented"] ?? 0) > count;
    });
  await moves(20);
  const remark = async (): Promise<string> =>
    (await page.evaluate(
      `document.querySelector("meander-player").shadowRoot.querySelector(".remark.shown")?.textContent ?? ""`,
    )) as string;
  const stateOf = () => page.evaluate(`document.querySelector("meander-player").state`);
  const from = viewer.states.length;

  const killed = performance.now();
  await network.kill("ingest");
  const told = await until("the viewer is told", () => {
    return viewer.states.slice(from).find((state) => state.type === "stalled");
  });
  const ms = performance.now() - killed;
  t.diagnostic(`told after ${ms.toFixed(0)} ms: ${told.reason}; tried: ${told.trying.join()}`);
  assert.ok(ms < 2_000, `told after ${ms} ms`);
  assert.equal(told.site, "edge");
  assert.ok(told.trying.length > 0);
  const text = await until("the player says so over its last picture", async () => {
    const shown = await remark();
    return shown.includes("has not received this channel") ? shown : undefined;
  });
  t.diagnostic(text);
  assert.match(text, /since \d\d:\d\d:\d\d: .*; \w+ tries \w+/);
  assert.equal(await stateOf(), "stalled");
  assert.ok(((await playerStats(page))["stalledMs"] ?? 0) > 0);
  const health = await until("edge is degraded", async () => {
    const now = await edge.client.health();
    return now.reason?.includes(channel) === true ? now : undefined;
  });
  assert.equal(health.status, "degraded");
  const status = meander("status", "--site", edge.url);
  assert.equal(await endOf(status), 0, status.stderr());
  assert.match(status.stdout(), /degraded.*severed/s);

  await network.start("ingest");
  await lost.close().catch(() => {});
  const shown = (await playerStats(page))["framesPresented"] ?? 0;
  const back = performance.now();
  const again = await publish();
  await until("the viewer is live", () => viewer.states.at(-1)?.type === "live");
  t.diagnostic(`live ${(performance.now() - back).toFixed(0)} ms after it was published again`);
  await moves(shown + 20);
  assert.equal(await stateOf(), "live");
  await until("the remark is gone", async () => !(await remark()).includes("not received"));
  await until("edge is healthy", async () => (await edge.client.health()).status === "ok");
  assert.deepEqual(browser.errors, []);
  await again.close();
});
