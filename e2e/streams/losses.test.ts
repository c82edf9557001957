import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { countOf, createCounter, Load } from "../support/stream-load.ts";
import { counted, exactly, next, StreamNetwork } from "../support/stream-network.ts";
import { until } from "../support/wait.ts";

const WINDOWS = process.platform === "win32";
/** A short lease, so that a test can wait for its end. */
const LEASE_MS = 3_000;

const sites = StreamNetwork.use();

test("kill -9 of the sites of durable streams under load loses, repeats and reorders nothing", async (t) => {
  const shell = await sites.shellAt("lead");
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
  await sites.network.kill("north");
  const { lostSite, to } = await lost;
  t.diagnostic(`taken over ${Math.round(performance.now() - killedAt)} ms after the kill`);
  assert.deepEqual([lostSite, to], ["north", "lead"]);
  const then = load.appended;
  await until(
    "the load flows again",
    async () => (await countOf(shell, "second")).last > then + 100,
  );

  const lostToo = next(shell, "second", "recovered");
  await sites.network.kill("south");
  assert.equal((await lostToo).to, "lead");
  const later = load.appended;
  await until("and again", async () => (await countOf(shell, "second")).last > later + 100);

  const last = await load.stop();
  assert.deepEqual(await counted(shell, "first", last), exactly(last));
  assert.deepEqual(await counted(shell, "second", last), exactly(last));
  t.diagnostic(`${last} messages`);
  await Promise.all(["north", "south"].map((name) => sites.start(name)));
});

test("moves to a site that dies lose nothing, before and after the decision", async () => {
  const shell = await sites.shellAt("lead");
  const first = await createCounter(shell, "first", { at: "north", keptAt: ["lead"] });
  const load = new Load(first);
  for (let round = 0; round < 3; round++) {
    const then = load.appended;
    await until("the load flows", async () => (await countOf(shell, "first")).last > then + 50);
    const move = first.move("south").catch(() => {});
    // Once just after the decision, otherwise in the middle.
    if (round === 1) await move;
    await sites.network.kill("south");
    await move;
    await sites.start("south");
    await sites.whole();
    await until("the stream is live", async () => {
      const [stream] = await shell.streams();
      return stream?.status === "live";
    });
    if ((await first.location()) !== "north") await first.move("north");
  }
  const last = await load.stop();
  assert.deepEqual(await counted(shell, "first", last), exactly(last));
});

test("when the keeper of a durable stream is lost, another becomes its keeper, and takes it over when its site is lost too", async () => {
  const shell = await sites.shellAt("lead");
  const kept = await createCounter(shell, "kept", { at: "north", keptAt: ["south"] });
  const load = new Load(kept);
  await until("the load flows", async () => (await countOf(shell, "kept")).last > 100);
  await sites.network.kill("south");
  // No append is answered before the record is at a keeper.
  await kept.append(0, { until: "consumed", timeoutMs: 60_000 });
  const lost = next(shell, "kept", "recovered");
  await sites.network.kill("north");
  assert.equal((await lost).to, "lead");
  const last = await load.stop();
  assert.deepEqual(await counted(shell, "kept", last), exactly(last));
  await Promise.all(["north", "south"].map((name) => sites.start(name)));
});

test("a site that halts past its lease loses its streams, and drops its copies when it continues", {
  skip: WINDOWS ? "no SIGSTOP on Windows" : false,
}, async (t) => {
  await sites.network.kill("north");
  const file = join(sites.network.folder, "short-lease.json");
  await writeFile(file, JSON.stringify({ leaseMs: LEASE_MS, evacuate: false }));
  await sites.network.start("north", "--config", file);
  await sites.whole();
  const shell = await sites.shellAt("lead");
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

  const { pid, client } = sites.network.site("north");
  const lost = next(shell, "first", "recovered");
  const plainLost = next(shell, "plain", "recovered");
  const stoppedAt = performance.now();
  process.kill(pid, "SIGSTOP");
  try {
    assert.equal((await lost).to, "lead");
    const afterMs = performance.now() - stoppedAt;
    t.diagnostic(`taken over ${Math.round(afterMs)} ms after it stopped`);
    assert.ok(afterMs < LEASE_MS + 1_000, "a durable stream does not wait for the lease");
    const then = load.appended;
    await until(
      "the load flows again",
      async () => (await countOf(shell, "second")).last > then + 100,
    );
    // The plain one does, and starts empty: it had no record.
    assert.equal((await plainLost).to, "lead");
    assert.ok(performance.now() - stoppedAt > LEASE_MS - LEASE_MS / 3);
    assert.equal((await countOf(shell, "plain")).count, 0);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await sites.whole();
  await until("north has dropped them", async () => (await client.streams()).counts.resident === 0);
  const goneOn = load.appended;
  await until(
    "the load flows on",
    async () => (await countOf(shell, "second")).last > goneOn + 100,
  );

  // It is a site like any other again: streams move there, and it answers for others.
  assert.equal((await first.move("north")).to, "north");
  const there = await sites.shellAt("north");
  assert.equal((await there.inspect("second")).site, "south");
  const last = await load.stop();
  assert.deepEqual(await counted(there, "first", last), exactly(last));
  assert.deepEqual(await counted(there, "second", last), exactly(last));
  await sites.network.kill("north");
  await sites.start("north");
});

test("while the leader is dead, messages flow between the others; when it is back, nothing is missing", async (t) => {
  const shell = await sites.shellAt("north");
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
  await sites.network.kill("lead");
  const [then, plainThen] = [load.appended, plainLoad.appended];
  await until("messages flow without a leader", async () => {
    assert.equal((await sites.network.site("north").client.health()).directory, "disconnected");
    const counts = await Promise.all([countOf(shell, "second"), countOf(shell, "plain")]);
    return counts[0].last > then + 100 && counts[1].last > plainThen + 100;
  });

  const startedAt = performance.now();
  await sites.network.start("lead");
  await sites.whole();
  assert.equal((await recovered).to, "north");
  t.diagnostic(`complete ${Math.round(performance.now() - startedAt)} ms after the start`);
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
