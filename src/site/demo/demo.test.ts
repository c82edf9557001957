import assert from "node:assert/strict";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { SeededRandom, SystemClock } from "../../base/index.ts";
import { packageRoot, SiteClient } from "../../client/index.ts";
import { childLine } from "./child-line.ts";
import { DEMO_SITES, demoRoutes } from "./demo-plan.ts";
import { findFreePorts } from "./free-ports.ts";
import { News } from "./news.ts";
import { DemoSupervisor } from "./supervisor.ts";

/** The bundle starts in a third of the time of the modules that it is made of. */
const MODULE = join(packageRoot(), "dist", "bundle", "main.js");

async function somePort(use: (port: number) => Promise<void> = async () => {}): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await use(port);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("a port in use is skipped", async () => {
  await somePort(async (port) => {
    const ports = await findFreePorts("127.0.0.1", port, 3);
    assert.equal(ports.length, 3);
    assert.ok(ports.every((each) => each > port));
    assert.equal(new Set(ports).size, 3);
  });
});

test("too few free ports are an error", async () => {
  await assert.rejects(findFreePorts("127.0.0.1", 65_000, 5), { code: "port-in-use" });
});

test("each relay names one source, the site before it: ways around a relay are learned", () => {
  for (const [index, site] of DEMO_SITES.entries()) {
    if (index === 0) continue;
    for (const { input } of Object.values(demoRoutes(site).channels))
      assert.deepEqual(input?.from, [DEMO_SITES[index - 1]]);
  }
  assert.deepEqual(demoRoutes("origin").channels, {});
});

test("the news is the same for the same seed, and its prices stay positive", () => {
  const [one, two] = [new News(new SeededRandom(7)), new News(new SeededRandom(7))];
  for (let line = 0; line < 1_000; line++) {
    const text = one.next();
    assert.equal(text, two.next());
    assert.match(
      text,
      /^[A-Z].+ \| MNDR \d+\.\d\d [▲▼] {2}RLAY \d+\.\d\d [▲▼] {2}FLUX \d+\.\d\d [▲▼]$/,
    );
  }
});

test("lines of children become sentences, with their facts once", () => {
  const line =
    '{"level":40,"time":1,"site":"north","peer":"south","code":"x y","msg":"A link broke."}';
  assert.equal(childLine("north", line), 'north: A link broke. peer=south code="x y"');
  assert.equal(childLine("publisher of clip", "error: no"), "publisher of clip: error: no");
});

test("the demo runs, loses a relay, gets it back, and leaves nothing behind", async () => {
  const notes: string[] = [];
  const supervisor = await DemoSupervisor.start({
    module: MODULE,
    basePort: await somePort(),
    clip: join(packageRoot(), "media", "clip.mp4"),
    clock: new SystemClock(),
    random: new SeededRandom(1),
    onNote: (line) => void notes.push(line),
  });
  const pids = supervisor.sites.map(({ pid }) => pid);
  try {
    const at = (name: string): SiteClient =>
      new SiteClient(supervisor.sites.find((site) => site.name === name)?.url ?? "");
    const [origin, south] = [at("origin"), at("south")];
    const pathAt = async (): Promise<string> =>
      (await south.channel("clip")).snapshot?.path.join(" ") ?? "";
    await until(async () => (await pathAt()) === "origin north middle south");
    assert.equal((await origin.session()).demo, true);

    await origin.demo("middle", "kill");
    // Either way around middle is right: which one is ready first is a matter of chance.
    await until(async () => /^origin( north)? south$/.test(await pathAt()));
    assert.deepEqual(
      supervisor.sites.map(({ name }) => name),
      ["origin", "north", "south"],
    );
    assert.ok(notes.includes("middle was killed by SIGKILL; start it again from the console"));
    // Sites may have said by now that it ended; of anything else there is nothing to say.
    assert.deepEqual(
      notes.filter((note) => !note.includes("middle")),
      [],
    );
    await assert.rejects(origin.demo("middle", "stop"), { code: "demo-refused" });
    await assert.rejects(origin.demo("nowhere", "kill"), { code: "site-unknown" });

    await origin.demo("middle", "start");
    await until(async () => (await pathAt()) === "origin north middle south");
    const { snapshot } = await south.channel("clip");
    assert.equal(snapshot?.drops["lost"] ?? 0, 0);
  } finally {
    await supervisor.stop();
  }
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  assert.deepEqual(supervisor.sites, []);
});

/** Waits for a fact that nothing announces. */
async function until(fact: () => Promise<boolean>): Promise<void> {
  while (!(await fact())) await new Promise((resolve) => setTimeout(resolve, 20));
}
