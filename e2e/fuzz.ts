/**
 * Hostile bytes for every decoder and every listener. Nothing may crash, hang or grow.
 *
 *   npm run fuzz -- [--minutes 1] [--seed 1] [--json]
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { SeededRandom } from "../src/base/index.ts";
import { attacksOn } from "./fuzz/attacks.ts";
import type { DecoderStats } from "./fuzz/decoders.ts";
import { MemoryWatch, residentMb } from "./soak/memory-watch.ts";
import { channelAt, Network } from "./support/network.ts";
import { json, start } from "./support/processes.ts";
import { RtpSource, sourceSdp } from "./support/rtp-source.ts";
import { Viewer } from "./support/viewer.ts";
import { until } from "./support/wait.ts";

const CHANNEL = "news";
/** Attacks at a time. */
const LANES = 4;
const SAMPLE_MS = 2_000;
/** Growth of the decoders' heap that counts as none, MiB. */
const HEAP_SLACK_MB = 16;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});
const minutes = positive("--minutes", values.minutes);
const seed = Math.floor(positive("--seed", values.seed));

const script = fileURLToPath(new URL("./fuzz/decoders.js", import.meta.url));
const decoders = start(process.execPath, [
  "--expose-gc",
  "--enable-source-maps",
  script,
  `${minutes}`,
  `${seed}`,
]);
process.once("exit", () => decoders.child.kill("SIGKILL"));

await using network = await Network.open("lead", "target");
const site = network.site("target");
const leader = network.site("lead");
const published = await site.client.publishSdp(CHANNEL, sourceSdp(CHANNEL), { ports: "assign" });
const attacked = await site.client.publishSdp("attacked", sourceSdp("attacked"), {
  ports: "assign",
});
const source = await RtpSource.start({
  ports: published.tracks.map(({ rtpPort }) => rtpPort),
  ssrc: seed,
});
await until(
  "the channel is heard",
  async () => ((await channelAt(site, CHANNEL))?.packetsIn ?? 0) > 0,
);
// A viewer watches throughout, and must not notice.
const viewer = await Viewer.open(site.url, CHANNEL);
const streamPort = (await site.client.session()).sites.find(({ name }) => name === "target")
  ?.streams?.port;
const random = new SeededRandom(seed);
const rtpPort = attacked.tracks[0]?.rtpPort ?? 0;
const attacks = attacksOn({ site, leader }, { rtpPort, streamPort }, random);
const memory = new MemoryWatch();
const memoryOfLeader = new MemoryWatch();
const counts = new Map(attacks.map(({ name }) => [name, 0]));
const faults: string[] = [];
const end = performance.now() + minutes * 60_000;

const sampler = setInterval(() => {
  memory.sample(residentMb(site.pid));
  memoryOfLeader.sample(residentMb(leader.pid));
  const done = [...counts.values()].reduce((sum, each) => sum + each, 0);
  process.stderr.write(
    `${Math.max(0, Math.round((end - performance.now()) / 1000))} s left: ${done} attacks, the site has ${memory.latestMb} MiB\n`,
  );
}, SAMPLE_MS);
await Promise.all(
  Array.from({ length: LANES }, async () => {
    while (performance.now() < end && site.running.child.exitCode === null) {
      const attack = attacks[random.below(attacks.length)];
      if (attack === undefined) return;
      await attack.run(random);
      counts.set(attack.name, (counts.get(attack.name) ?? 0) + 1);
    }
  }),
);
clearInterval(sampler);

if (site.running.child.exitCode !== null) {
  faults.push(
    `the site ended with ${site.running.child.exitCode}: ${site.running.stderr().slice(-2_000)}`,
  );
} else {
  if (leader.running.child.exitCode !== null) {
    faults.push(`the leader ended: ${leader.running.stderr().slice(-2_000)}`);
  }
  const health = await site.client.health().catch((error: unknown) => ({ status: `${error}` }));
  if (health.status !== "ok") faults.push(`the site says ${health.status}`);
}
await source.stop();
const last = (source.count - 1) & 0xffff;
await until(
  "the viewer has the last packet",
  () => viewer.received.at(-1)?.sequence === last,
).catch(() => {
  faults.push("the viewer did not get the end");
});
const { missing, repeated } = viewer.account();
if (missing + repeated + viewer.gaps > 0)
  faults.push(`the viewer missed ${missing + viewer.gaps} packets, ${repeated} came twice`);
viewer.close();
const stats = await decoders.line((line) => json<DecoderStats>(line));
faults.push(...stats.faults);
if (stats.lateMb > stats.earlyMb + HEAP_SLACK_MB) {
  faults.push(`the decoders' heap grew from ${stats.earlyMb} to ${stats.lateMb} MiB`);
}
const verdict = memory.verdict;
if (!verdict.flat)
  faults.push(`the site's memory grew from ${verdict.earlyMb} to ${verdict.lateMb} MiB`);
const verdictOfLeader = memoryOfLeader.verdict;
if (!verdictOfLeader.flat)
  faults.push(
    `the leader's memory grew from ${verdictOfLeader.earlyMb} to ${verdictOfLeader.lateMb} MiB`,
  );
const report = {
  minutes,
  seed,
  decoders: stats,
  attacks: Object.fromEntries(counts),
  memory: { target: verdict, leader: verdictOfLeader },
  faults,
};
if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
else {
  process.stdout.write(
    `${faults.length === 0 ? "sound" : "FAILED"}: seed ${seed}, ${minutes} min, ${stats.inputs} inputs to ${stats.targets} decoders ` +
      `(slowest ${stats.slowestMs} ms, ${stats.slowest}; heap ${stats.earlyMb} to ${stats.lateMb} MiB)\n` +
      `  attacks: ${[...counts].map(([name, count]) => `${name} ${count}`).join(", ")}\n` +
      `  memory of the site: ${verdict.earlyMb} MiB early, ${verdict.lateMb} MiB late; of its leader: ${verdictOfLeader.earlyMb}, ${verdictOfLeader.lateMb}\n` +
      faults.map((fault) => `  ${fault}\n`).join(""),
  );
}
process.exitCode = faults.length === 0 ? 0 : 1;

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  process.stderr.write(`error: ${name} ${text}\n  expected: a number above 0\n`);
  process.exit(2);
}
