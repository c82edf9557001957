import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { connect, packageRoot, type Shell, type StreamEvent } from "../src/site/index.ts";
import { Network, type SiteProcess } from "./support/network.ts";
import { endOf, meander } from "./support/processes.ts";
import { type Count, countOf, createCounter, Load } from "./support/stream-load.ts";
import { until } from "./support/wait.ts";

const WINDOWS = process.platform === "win32";
/** A short lease, so that a test can wait for its end. */
const LEASE_MS = 3_000;

let network: Network;

before(async () => {
  network = await Network.open("lead");
  await Promise.all(["north", "south"].map(start));
});
after(() => network?.[Symbol.asyncDispose]());

/** Starts a site, or starts it again. */
function start(name: string): Promise<SiteProcess> {
  return network.start(name, "--no-evacuate");
}

/** Waits until all sites have each other in their lists. */
async function whole(): Promise<void> {
  await until("all sites know each other", async () => {
    const views = await Promise.all(
      ["lead", "north", "south"].map((name) => network.site(name).client.session()),
    );
    const pids = views.map(({ sites }) => sites.map(({ pid }) => pid).join());
    return (
      views.every(({ directory, sites }) => directory === "connected" && sites.length === 3) &&
      new Set(pids).size === 1
    );
  });
}

beforeEach(whole);

const shells: Shell[] = [];
afterEach(async () => {
  for (const shell of shells.splice(0)) await shell.close();
  const shell = await connect(network.site("lead").url);
  for (const { name } of await shell.streams()) await shell.destroy(name);
  await shell.close();
});

async function shellAt(site: string): Promise<Shell> {
  const shell = await connect(network.site(site).url);
  shells.push(shell);
  return shell;
}

/** Settles with the first event of a stream of that type from now on. */
async function next<Type extends StreamEvent["type"]>(
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

/** Waits until a counter has come to `last`, and says what it counted. */
async function counted(shell: Shell, name: string, last: number): Promise<Omit<Count, "to">> {
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

/** What somebody has counted who got every number once and in order. */
function exactly(last: number): Omit<Count, "to"> {
  return { count: last, last, wrong: 0 };
}

async function run(example: string, ...args: readonly string[]): Promise<string> {
  const file = join(packageRoot(), "examples", `${example}.ts`);
  const running = meander("run", file, "--site", network.site("lead").url, ...args);
  const code = await endOf(running, 60_000);
  assert.equal(code, 0, running.stderr());
  return running.stdout();
}

test("hello-streams prints what the paper says", async () => {
  const lines = (await run("hello-streams")).trim().split("\n");
  assert.deepEqual(lines, ["north bar/agent: Hello world", "lead bar/agent: I am at lead"]);
});

test("distributed-test finds every message once and in order while all its streams move", async () => {
  const output = await run("distributed-test");
  for (const way of ["lead > north", "north > south", "south > lead"])
    assert.match(output, new RegExp(`^${way} .* ms, at worst .* ms, of \\d+$`, "m"));
  assert.match(output, /^passed: every message came once and in order$/m);
});

test("surviving-counter outlives kill -9 of its site", async () => {
  const output = await run("surviving-counter", "--", "--kill", `${network.site("north").pid}`);
  assert.match(output, /^north was lost; the counter is at lead now$/m);
  assert.match(output, /^appended (\d+), counted \1 \(now at lead\)$/m);
  assert.match(output, /^exact: none lost, none twice, none out of order$/m);
  await start("north");
});

test("kill -9 of the sites of durable streams under load loses, repeats and reorders nothing", async (t) => {
  const shell = await shellAt("lead");
  await createCounter(shell, "second", { at: "south", keptAt: ["lead"] });
  const first = await createCounter(shell, "first", {
    at: "north",
    keptAt: ["lead"],
    to: "second",
  });
  const load = new Load(first);
  await until("the load flows", async () => (await countOf(shell, "second")).last > 100);

  const lost = next(shell, "first", "recovered");
  const killedAt = performance.now();
  await network.kill("north");
  const { lostSite, to } = await lost;
  t.diagnostic(`taken over ${Math.round(performance.now() - killedAt)} ms after the kill`);
  assert.deepEqual([lostSite, to], ["north", "lead"]);
  const then = load.appended;
  await until(
    "the load flows again",
    async () => (await countOf(shell, "second")).last > then + 100,
  );

  const lostToo = next(shell, "second", "recovered");
  await network.kill("south");
  assert.equal((await lostToo).to, "lead");
  const later = load.appended;
  await until("and again", async () => (await countOf(shell, "second")).last > later + 100);

  const last = await load.stop();
  assert.deepEqual(await counted(shell, "first", last), exactly(last));
  assert.deepEqual(await counted(shell, "second", last), exactly(last));
  t.diagnostic(`${last} messages`);
  await Promise.all(["north", "south"].map(start));
});

test("moves to a site that dies under them lose nothing, whichever side of the decision they were on", async () => {
  const shell = await shellAt("lead");
  const first = await createCounter(shell, "first", { at: "north", keptAt: ["lead"] });
  const load = new Load(first);
  for (let round = 0; round < 3; round++) {
    const then = load.appended;
    await until("the load flows", async () => (await countOf(shell, "first")).last > then + 50);
    const move = first.move("south").catch(() => {});
    // Sometimes in the middle, sometimes just behind the decision.
    if (round === 1) await move;
    await network.kill("south");
    await move;
    await start("south");
    await whole();
    await until("it is somewhere", async () => {
      const [stream] = await shell.streams();
      return stream?.status === "live";
    });
    if ((await first.location()) !== "north") await first.move("north");
  }
  const last = await load.stop();
  assert.deepEqual(await counted(shell, "first", last), exactly(last));
});

test("when the keeper of a durable stream is gone another one keeps it, and takes it over when its site is gone too", async () => {
  const shell = await shellAt("lead");
  const kept = await createCounter(shell, "kept", { at: "north", keptAt: ["south"] });
  const load = new Load(kept);
  await until("the load flows", async () => (await countOf(shell, "kept")).last > 100);
  await network.kill("south");
  // Nobody is answered before the answer's cause is kept.
  await kept.append(0, { until: "consumed", timeoutMs: 60_000 });
  const lost = next(shell, "kept", "recovered");
  await network.kill("north");
  assert.equal((await lost).to, "lead");
  const last = await load.stop();
  assert.deepEqual(await counted(shell, "kept", last), exactly(last));
  await Promise.all(["north", "south"].map(start));
});

test("a site that stands still past its lease loses its streams, and drops what it has of them when it goes on", {
  skip: WINDOWS ? "no SIGSTOP on Windows" : false,
}, async (t) => {
  await network.kill("north");
  const file = join(network.folder, "short-lease.json");
  await writeFile(file, JSON.stringify({ leaseMs: LEASE_MS, evacuate: false }));
  await network.start("north", "--config", file);
  await whole();
  const shell = await shellAt("lead");
  await createCounter(shell, "second", { at: "south", keptAt: ["lead"] });
  const first = await createCounter(shell, "first", {
    at: "north",
    keptAt: ["lead"],
    to: "second",
  });
  const plain = await createCounter(shell, "plain", { at: "north" });
  const load = new Load(first);
  await until("the load flows", async () => (await countOf(shell, "second")).last > 100);
  await plain.append(1, { until: "consumed" });

  const { pid, client } = network.site("north");
  const lost = next(shell, "first", "recovered");
  const plainLost = next(shell, "plain", "recovered");
  const stoppedAt = performance.now();
  process.kill(pid, "SIGSTOP");
  try {
    assert.equal((await lost).to, "lead");
    const afterMs = performance.now() - stoppedAt;
    t.diagnostic(`taken over ${Math.round(afterMs)} ms after it stopped`);
    assert.ok(afterMs < LEASE_MS + 1_000, "the fenced one does not wait for the lease");
    const then = load.appended;
    await until(
      "the load flows again",
      async () => (await countOf(shell, "second")).last > then + 100,
    );
    // The other one does, and begins anew: nothing of it was kept.
    assert.equal((await plainLost).to, "lead");
    assert.ok(performance.now() - stoppedAt > LEASE_MS - LEASE_MS / 3);
    assert.equal((await countOf(shell, "plain")).count, 0);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await whole();
  await until("north has dropped them", async () => (await client.streams()).counts.resident === 0);
  const goneOn = load.appended;
  await until(
    "the load flows on",
    async () => (await countOf(shell, "second")).last > goneOn + 100,
  );

  // It is a site like any other again: streams come, and it asks the others.
  assert.equal((await first.move("north")).to, "north");
  const there = await shellAt("north");
  assert.equal((await there.inspect("second")).site, "south");
  const last = await load.stop();
  assert.deepEqual(await counted(there, "first", last), exactly(last));
  assert.deepEqual(await counted(there, "second", last), exactly(last));
  await network.kill("north");
  await start("north");
});

test("while the leader is dead messages flow between the others, and when it is back nothing is missing", async (t) => {
  const shell = await shellAt("north");
  await createCounter(shell, "second", { at: "south", keptAt: ["north"] });
  const first = await createCounter(shell, "first", {
    at: "north",
    keptAt: ["south"],
    to: "second",
  });
  const plain = await createCounter(shell, "plain", { at: "south" });
  const central = await createCounter(shell, "central", { at: "lead", keptAt: ["north"] });
  const [load, plainLoad, centralLoad] = [new Load(first), new Load(plain), new Load(central)];
  await until("all loads flow", async () => {
    const counts = await Promise.all(
      ["second", "plain", "central"].map((name) => countOf(shell, name)),
    );
    return counts.every(({ last }) => last > 100);
  });

  const recovered = next(shell, "central", "recovered");
  await network.kill("lead");
  const [then, plainThen] = [load.appended, plainLoad.appended];
  await until("messages flow without a leader", async () => {
    assert.equal((await network.site("north").client.health()).directory, "disconnected");
    const counts = await Promise.all([countOf(shell, "second"), countOf(shell, "plain")]);
    return counts[0].last > then + 100 && counts[1].last > plainThen + 100;
  });

  const startedAt = performance.now();
  await network.start("lead");
  await whole();
  assert.equal((await recovered).to, "north");
  t.diagnostic(`whole ${Math.round(performance.now() - startedAt)} ms after the start`);
  const [last, plainLast, centralLast] = await Promise.all(
    [load, plainLoad, centralLoad].map((each) => each.stop()),
  );
  for (const [name, end = 0] of [
    ["first", last],
    ["second", last],
    ["plain", plainLast],
    ["central", centralLast],
  ] as const)
    assert.deepEqual(await counted(shell, name, end), exactly(end), name);
  t.diagnostic(`${last}, ${plainLast} and ${centralLast} messages`);
});

test("over datagrams, too, nothing is lost while streams move, and large messages pass", async () => {
  const args = ["--stream-transport", "udp", "--no-evacuate"];
  await using datagrams = await Network.openWith(args, "east", "west");
  const shell = await connect(datagrams.site("east").url);
  await until("both are there", async () => (await shell.sites()).length === 2);
  await createCounter(shell, "second", { at: "west", keptAt: ["east"] });
  const first = await createCounter(shell, "first", { at: "east", keptAt: ["west"], to: "second" });
  const load = new Load(first);
  for (let round = 0; round < 4; round++) {
    const then = load.appended;
    await until("the load flows", async () => (await countOf(shell, "second")).last > then);
    await Promise.all([
      first.move(round % 2 === 0 ? "west" : "east"),
      shell.move("second", round % 2 === 0 ? "east" : "west"),
    ]);
  }
  const last = await load.stop();
  assert.deepEqual(await counted(shell, "first", last), exactly(last));
  assert.deepEqual(await counted(shell, "second", last), exactly(last));

  const echo = await shell.createStream("echo", { at: "west" });
  await echo.registerAgent({ on: { append: (_ctx, message: Uint8Array) => message.slice(-3) } });
  const bytes = Uint8Array.from({ length: 700_000 }, (_, index) => index % 251);
  const { reply } = await echo.append(bytes, { until: "consumed", timeoutMs: 30_000 });
  assert.deepEqual(reply, bytes.slice(-3));
  await shell.close();
});

test("a site that stops in order has its streams moved away first", async () => {
  const shell = await shellAt("lead");
  await network.site("south").running.stop();
  await network.start("south");
  await createCounter(shell, "moving", { at: "south" });
  const load = new Load(await shell.open("moving"));
  await until("the load flows", async () => (await countOf(shell, "moving")).last > 100);
  const moved = next(shell, "moving", "moved");
  const { client, running } = network.site("south");
  await client.stop();
  assert.equal((await moved).from, "south");
  assert.equal(await endOf(running), 0);
  const last = await load.stop();
  assert.deepEqual(await counted(shell, "moving", last), exactly(last));
  await start("south");
});
