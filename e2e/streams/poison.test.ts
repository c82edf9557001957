// Runs alone: its agents keep the processors busy until their deadlines.
/** [M14] Messages that end what runs them, in a session of five sites. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect, defineAgent, type Shell } from "../../src/site/index.ts";
import { Network } from "../support/network.ts";
import { countOf, createCounter, Load } from "../support/stream-load.ts";
import { until } from "../support/wait.ts";

const SITES = ["lead", "a", "b", "c", "d"];
const POISONS = ["array", "expression", "buffers"];

let network: Network;
let shell: Shell;
let bystander: Load;
let other: Shell;

before(async () => {
  network = await Network.openWith(
    ["--no-evacuate", "--allow-inline-agents"],
    ...(SITES as [string, ...string[]]),
  );
  other = await connect(network.site("lead").url, { name: "other" });
  shell = await connect(network.site("lead").url, { name: "culprit" });
  bystander = new Load(await createCounter(other, "bystander", { at: "lead" }));
});

after(async () => {
  await bystander.stop();
  await Promise.all([shell.close(), other.close()]);
  await network[Symbol.asyncDispose]();
});

/** Echoes what it gets, but for what ends its process, each in a way of its own. */
const poisonable = defineAgent({
  name: "echo",
  limits: { handlerMs: 500, memoryMb: 64 },
  onError: { retry: 5, backoffMs: 20 },
  on: {
    append: (_ctx, message: string) => {
      if (message === "array") return new Array(5e7).fill(1.1).length;
      if (message === "expression") return /^(a+)+$/.test(`${"a".repeat(60)}!`);
      const all: ArrayBuffer[] = [];
      while (message === "buffers") all.push(new ArrayBuffer(32 * 1024 * 1024));
      return message;
    },
  },
});

const STREAMS = [
  { name: "with-none", at: "a", durability: { type: "none" }, failureManagers: [] },
  {
    ...{ name: "with-checkpoint", at: "b", failureManagers: ["c", "d"] },
    durability: { type: "checkpoint", every: 3 },
  },
  { name: "with-message", at: "c", durability: { type: "message" }, failureManagers: [] },
  { name: "managed", at: "d", durability: { type: "message" }, failureManagers: ["b", "a"] },
] as const;

async function letters(name: string): Promise<string[]> {
  // Right after a move the site of the shell may still ask where the stream was.
  const found = await until(`the dead letters of ${name}`, () => shell.deadLetters(name));
  for (const { id, value, deaths } of found) {
    // Memory outside of the heap may also be refused, which is an error that the handler throws.
    if (value === "buffers") assert.ok(deaths.length <= 2, id);
    else assert.equal(deaths.length, 2, id);
    for (const { at, site, reason } of deaths)
      assert.ok(at > 0 && SITES.includes(site) && reason !== "", JSON.stringify(deaths));
  }
  return found.map(({ value }) => String(value)).sort();
}

async function assertUnharmed(names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { child, stderr } = network.site(name).running;
    assert.deepEqual([child.exitCode, child.signalCode], [null, null], `${name}: ${stderr()}`);
  }
  const { appended } = bystander;
  await until("the bystander counts on", async () => {
    const { last, count, wrong } = await countOf(other, "bystander");
    assert.deepEqual([count, wrong], [last, 0]);
    return last > appended + 10;
  });
}

test("each poison is one dead letter, with each durability; no site ends, and other streams go on", async () => {
  for (const { name, at, durability, failureManagers } of STREAMS) {
    const stream = await shell.createStream(name, { at, durability, failureManagers });
    await stream.registerAgent(poisonable);
  }
  await Promise.all(
    STREAMS.map(async ({ name }) => {
      for (const poison of POISONS) void shell.append(name, poison);
      const options = { until: "consumed", timeoutMs: 60_000 } as const;
      assert.equal((await shell.append(name, "fine", options)).reply, "fine");
    }),
  );
  for (const { name } of STREAMS) assert.deepEqual(await letters(name), [...POISONS].sort(), name);
  await assertUnharmed(SITES);
});

test("neither a move nor the end of its site makes a poison run again", async () => {
  for (const { name, at } of STREAMS) await shell.move(name, at === "d" ? "c" : "d");
  for (const { name } of STREAMS) assert.deepEqual(await letters(name), [...POISONS].sort(), name);
  await network.kill("d");
  for (const { name, durability } of STREAMS) {
    if (durability.type === "none") continue;
    await until(`${name} is taken over`, async () => {
      const found = (await shell.streams()).find((each) => each.name === name);
      return found?.site !== "d" && found?.status === "live";
    });
    assert.deepEqual(await letters(name), [...POISONS].sort(), name);
    const options = { until: "consumed", timeoutMs: 30_000 } as const;
    assert.equal((await shell.append(name, "fine", options)).reply, "fine");
  }
  await network.start("d", "--no-evacuate", "--allow-inline-agents");
  await assertUnharmed(SITES);
});

test("a poison that runs inline stops its site alone, and is a dead letter where its stream is taken over", async () => {
  const stream = await shell.createStream("inline", {
    ...{ at: "c", durability: { type: "message" }, failureManagers: ["d"] },
  });
  await stream.registerAgent(
    defineAgent({
      isolation: "inline",
      limits: { handlerMs: 500 },
      on: {
        append: (_ctx, message: string) => {
          while (message === "loop") {
            // Never ends.
          }
          return message;
        },
      },
    }),
  );
  void shell.append("inline", "loop");
  const options = { until: "consumed", timeoutMs: 60_000 } as const;
  assert.equal((await shell.append("inline", "fine", options)).reply, "fine");
  const [letter, ...more] = await shell.deadLetters("inline");
  assert.deepEqual([letter?.value, more], ["loop", []]);
  assert.deepEqual(
    letter?.deaths.map(({ site }) => site),
    ["c", "d"],
  );
  assert.match(network.site("d").running.stderr(), /Inline agents run in a process here/);
  // Its main thread still loops.
  await network.kill("c");
  await assertUnharmed(SITES.filter((name) => name !== "c"));
});
