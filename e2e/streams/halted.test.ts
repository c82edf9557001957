/** [M15] A site whose streams are halted, because it died again and again or because that was asked for. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect, defineAgent } from "../../src/site/index.ts";
import { Network } from "../support/network.ts";
import { endOf, meander } from "../support/processes.ts";
import { Viewer } from "../support/viewer.ts";
import { until } from "../support/wait.ts";

let network: Network;

before(async () => {
  network = await Network.open("alone");
  const shell = await connect(network.site("alone").url, { name: "maker" });
  const stream = await shell.createStream("echo", { durability: { type: "message" } });
  await stream.registerAgent(defineAgent({ on: { append: (_ctx, message: string) => message } }));
  await shell.append("echo", "first", { until: "consumed", timeoutMs: 10_000 });
  await shell.close();
});

after(() => network[Symbol.asyncDispose]());

async function meanderAt(...args: readonly string[]): Promise<string> {
  const running = meander(...args, "--site", network.site("alone").url);
  assert.equal(await endOf(running), 0, running.stderr());
  return running.stdout();
}

async function assertHalted(why: RegExp): Promise<void> {
  const { client } = network.site("alone");
  const { status, reason } = await client.health();
  assert.equal(status, "degraded");
  assert.match(reason ?? "", why);
  assert.match(reason ?? "", /meander stream resume/);
  assert.match(network.site("alone").running.stderr(), /streams of the site are halted/);
  assert.match(await meanderAt("status"), why);
  await client.publishData("news");
  using viewer = await Viewer.open(network.site("alone").url, "news");
  await until("media flows", async () => {
    await client.sendMessage("news", "text/plain", "hello");
    return viewer.messages.length > 0;
  });
  const shell = await connect(network.site("alone").url, { name: "looker" });
  try {
    await until("the stream is here", async () => {
      const [echo] = await shell.streams();
      return echo?.status === "live";
    });
    void shell.append("echo", "later");
    await until("it waits", async () => (await shell.inspect("echo")).waiting > 0);
    assert.match((await shell.inspect("echo")).halted ?? "", why);
    await assert.rejects(shell.createStream("another"), { code: "streams-halted" });
    assert.match(await meanderAt("stream", "inspect", "echo"), /halted with its site's other/);
  } finally {
    // What it appended is kept for it.
    await shell.close();
  }
}

async function assertGoesOn(): Promise<void> {
  assert.match(await meanderAt("stream", "resume"), /^1 stream goes on/);
  assert.match(await meanderAt("stream", "resume"), /no stream of the site was halted/);
  const { client, url } = network.site("alone");
  assert.equal((await client.health()).status, "ok");
  const shell = await connect(url, { name: "user" });
  const { reply } = await shell.append("echo", "hi", { until: "consumed", timeoutMs: 10_000 });
  assert.equal(reply, "hi");
  assert.equal((await shell.inspect("echo")).halted, undefined);
  await shell.close();
}

test("a site that dies twice within a minute of its start comes up halted, with media flowing, and says how to go on", async () => {
  for (let deaths = 1; deaths <= 2; deaths++) {
    await network.kill("alone", { isSoon: true });
    await network.start("alone");
    if (deaths === 1) assert.equal((await network.site("alone").client.health()).status, "ok");
  }
  await assertHalted(/its last 2 runs died within 60 s of their start/);
  await assertGoesOn();
});

test("a site that was stopped in order starts as usual, and halted when that is asked for", async () => {
  await network.site("alone").running.stop();
  await network.start("alone");
  assert.equal((await network.site("alone").client.health()).status, "ok");
  await network.site("alone").running.stop();
  await network.start("alone", "--halted");
  await assertHalted(/it was started with --halted/);
  await assertGoesOn();
});
