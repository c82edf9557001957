import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { connect, packageRoot } from "../../src/site/index.ts";
import { Network } from "../support/network.ts";
import { endOf, meander } from "../support/processes.ts";
import { countOf, createCounter, Load } from "../support/stream-load.ts";
import { counted, exactly, next, StreamNetwork } from "../support/stream-network.ts";
import { until } from "../support/wait.ts";

const sites = StreamNetwork.use();

/** What an example prints when it is run against the live sites. */
async function run(example: string, ...args: readonly string[]): Promise<string> {
  const file = join(packageRoot(), "examples", `${example}.ts`);
  const running = meander("run", file, "--site", sites.network.site("lead").url, ...args);
  const code = await endOf(running, 60_000);
  assert.equal(code, 0, running.stderr());
  return running.stdout();
}

test("hello-streams prints what it promises", async () => {
  const lines = (await run("hello-streams")).trim().split("\n");
  assert.deepEqual(lines, ["north bar/agent: Hello world", "lead bar/agent: I am at lead"]);
});

test("distributed-test finds every message once and in order while all its streams move", async () => {
  const output = await run("distributed-test");
  for (const move of ["lead > north", "north > south", "south > lead"])
    assert.match(output, new RegExp(`^${move} .* ms, at worst .* ms, of \\d+$`, "m"));
  assert.match(output, /^passed: every message came once and in order$/m);
});

test("surviving-counter survives kill -9 of its site", async () => {
  const output = await run(
    "surviving-counter",
    "--",
    "--kill",
    `${sites.network.site("north").pid}`,
  );
  assert.match(output, /^north was lost; the counter is at lead now$/m);
  assert.match(output, /^appended (\d+), counted \1 \(now at lead\)$/m);
  assert.match(output, /^exact: none lost, none twice, none out of order$/m);
  await sites.start("north");
});

test("over datagrams, too, streams move without loss, and large messages arrive", async () => {
  const args = ["--stream-transport", "udp", "--no-evacuate"];
  await using datagrams = await Network.openWith(args, "east", "west");
  const shell = await connect(datagrams.site("east").url);
  await until("both sites", async () => (await shell.sites()).length === 2);
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

test("a site that stops gracefully moves its streams away first", async () => {
  const shell = await sites.shellAt("lead");
  await sites.network.site("south").running.stop();
  await sites.network.start("south");
  await createCounter(shell, "moving", { at: "south" });
  const load = new Load(await shell.open("moving"));
  await until("the load flows", async () => (await countOf(shell, "moving")).last > 100);
  const moved = next(shell, "moving", "moved");
  const { client, running } = sites.network.site("south");
  await client.stop();
  assert.equal((await moved).from, "south");
  assert.equal(await endOf(running), 0);
  const last = await load.stop();
  assert.deepEqual(await counted(shell, "moving", last), exactly(last));
  await sites.start("south");
});
