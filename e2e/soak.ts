/**
 * A network that is not left in peace: hundreds of viewers over WebSocket, TCP and UDP and plain RTP receivers, some
 * coming and going, some hardly reading, while relays are killed one after the other. No viewer that stays may lose a
 * packet, and the memory of no process may grow.
 * Ends with 1 when something was lost or grew, with 75 when that may be because the host took the machine away.
 *
 *   npm run soak -- [--minutes 2] [--seed 1] [--subscribers 500] [--json]
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { SeededRandom } from "../src/base/index.ts";
import type { CrowdPlan, CrowdStats } from "./soak/crowd.ts";
import { MemoryWatch, residentMb } from "./soak/memory-watch.ts";
import { OutputSink } from "./soak/output-sink.ts";
import { channelAt, Network } from "./support/network.ts";
import { json, type Running, start } from "./support/processes.ts";
import { RtpSource, sourceSdp } from "./support/rtp-source.ts";
import { StolenTime } from "./support/stolen-time.ts";
import { until } from "./support/wait.ts";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const CHANNEL = "soak";
const ORIGIN = "origin";
const MIDDLES = ["middle-a", "middle-b"];
const EDGES = ["edge-1", "edge-2", "edge-3"];
const CROWDS = 4;
const SAMPLE_MS = 5_000;
/** Share of the machine that its host may take before a failure says nothing. */
const STOLEN_MAX = 0.03;
/** As sysexits.h has it: worth another try. */
const EXIT_AGAIN = 75;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
    subscribers: { type: "string", default: "500" },
    json: { type: "boolean", default: false },
  },
});
const minutes = positive("--minutes", values.minutes);
const seed = Math.floor(positive("--seed", values.seed));
const subscribers = Math.floor(positive("--subscribers", values.subscribers));
const random = new SeededRandom(seed);
const progress = (text: string): void => void process.stderr.write(`${text}\n`);

await using network = await Network.open(ORIGIN, ...MIDDLES, ...EDGES);
for (const name of MIDDLES) await network.site(name).client.setRoutes({ upstreams: [ORIGIN] });
for (const name of EDGES) {
  // Half of the edges over lossless links, half over datagrams.
  const stack = EDGES.indexOf(name) % 2 === 0 ? "tcp" : "udp";
  await network.site(name).client.setRoutes({ upstreams: [...MIDDLES], stack });
}
const origin = network.site(ORIGIN);
const answer = await origin.client.publishSdp(CHANNEL, sourceSdp(CHANNEL), { ports: "assign" });
const source = await RtpSource.start({
  ports: answer.tracks.map(({ rtpPort }) => rtpPort),
  ssrc: seed,
  frameMs: 40,
});
await until("the channel is heard", async () => {
  return ((await channelAt(origin, CHANNEL))?.packetsIn ?? 0) > 0;
});

const outputs = await OutputSink.open(origin.client, CHANNEL, Math.floor(subscribers * 0.08));
const crowds: Running[] = [];
for (let index = 0; index < CROWDS; index++) crowds.push(openCrowd(index));
const watches = new Map<string, MemoryWatch>();
const end = performance.now() + minutes * 60_000;
const stolen = new StolenTime();
let kills = 0;
let storming = true;
const storm = (async () => {
  while (storming && performance.now() < end - 15_000) {
    await pause(2_000 + random.below(4_000));
    if (storming) await killOne();
  }
})();
let stormFault: unknown;
storm.catch((error: unknown) => {
  stormFault = error;
});

while (performance.now() < end && stormFault === undefined) {
  await pause(SAMPLE_MS);
  const stats = await Promise.all(crowds.map((crowd) => ask(crowd, "look")));
  watch(ORIGIN, residentMb(origin.pid));
  for (const [index, crowd] of crowds.entries())
    watch(`crowd ${index}`, residentMb(crowd.child.pid ?? 0));
  const all = sumOf(stats);
  progress(
    `${Math.max(0, Math.round((end - performance.now()) / 1000))} s left: ${all.viewers} viewers, ${all.packets} packets, ${all.lost} lost, ` +
      `${all.repeated} repeated, ${all.open} open, ${kills} kills, ${all.joins} joins, ${all.slowClosed} slow readers closed, ${all.slowOpen} open, ` +
      `origin ${watches.get(ORIGIN)?.latestMb} MiB`,
  );
}
storming = false;
await storm.catch(() => {});
await source.stop();
const last = (source.count - 1) & 0xffff;
const finals = await Promise.all(crowds.map((crowd) => ask(crowd, `finish ${last}`)));
await until("the outputs have the last packet", () => outputs.behind(last) === 0).catch(() => {});
const total = sumOf(finals);
const memory = Object.fromEntries([...watches].map(([name, each]) => [name, each.verdict]));
const faults = [
  ...(stormFault === undefined ? [] : [`the network did not heal: ${stormFault}`]),
  ...(total.lost > 0 ? [`viewers lost ${total.lost} packets`] : []),
  ...(total.gaps > 0 ? [`sites gave up ${total.gaps} packets`] : []),
  ...(total.repeated > 0 ? [`viewers were given ${total.repeated} packets twice`] : []),
  ...(total.behind > 0 ? [`${total.behind} viewers did not get the end`] : []),
  ...(outputs.missing > 0 ? [`RTP receivers lost ${outputs.missing} packets`] : []),
  ...(outputs.repeated > 0 ? [`RTP receivers got ${outputs.repeated} packets twice`] : []),
  ...(outputs.behind(last) > 0
    ? [`${outputs.behind(last)} RTP receivers did not get the end`]
    : []),
  ...(minutes >= 1 && kills === 0 ? ["nothing was killed"] : []),
  ...Object.entries(memory).flatMap(([name, { earlyMb, flat, lateMb }]) =>
    flat ? [] : [`the memory of ${name} grew from ${earlyMb} to ${lateMb} MiB`],
  ),
];
outputs.close();
const drops = Object.fromEntries(
  await Promise.all(
    [ORIGIN, ...MIDDLES, ...EDGES].map(async (name) => {
      return [
        name,
        (await channelAt(network.site(name), CHANNEL).catch(() => undefined))?.drops,
      ] as const;
    }),
  ),
);
const stolenShare = Number(stolen.share.toFixed(3));
const report = {
  minutes,
  seed,
  subscribers,
  kills,
  stolenShare,
  published: source.count,
  ...total,
  outputPackets: outputs.packets,
  outputsMissing: outputs.missing,
  memory,
  drops,
  faults,
};
if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
else {
  process.stdout.write(
    `${faults.length === 0 ? "sound" : "FAILED"}: seed ${seed}, ${minutes} min, ${total.viewers} viewers at the end (${total.joins} came, ${total.leaves} left), ` +
      `${total.packets} packets to viewers and ${outputs.packets} to RTP receivers, ${kills} relays killed, ${total.slowClosed} slow readers closed\n` +
      [...faults, ...total.trouble].map((fault) => `  ${fault}\n`).join("") +
      Object.entries(memory)
        .map(
          ([name, { earlyMb, lateMb }]) =>
            `  memory of ${name}: ${earlyMb} MiB early, ${lateMb} MiB late\n`,
        )
        .join("") +
      `  drops by reason: ${JSON.stringify(drops)}\n`,
  );
}
process.exitCode = faults.length === 0 ? 0 : 1;
if (faults.length > 0 && stolenShare >= STOLEN_MAX) {
  progress(
    `the host took ${(stolenShare * 100).toFixed(0)} % of this machine's time meanwhile: run it again when it is less`,
  );
  process.exitCode = EXIT_AGAIN;
}

/** Kills a relay, starts it again, and waits until the network is whole. Never the ingest site. */
async function killOne(): Promise<void> {
  const relays = [...MIDDLES, ...EDGES];
  const name = relays[random.below(relays.length)] as string;
  kills++;
  await network.kill(name);
  await pause(500 + random.below(2_500));
  await network.start(name);
  await until(
    `${name} is whole again`,
    async () => {
      const { sites } = await network.site(name).client.session();
      if (sites.length !== 1 + relays.length) return false;
      if ((await network.site(name).client.health()).status !== "ok") return false;
      // The middles carry the channel again as soon as an edge or a viewer asks; the edges have to be served.
      const views = await Promise.all(EDGES.map((edge) => channelAt(network.site(edge), CHANNEL)));
      return views.every(
        (view) => view === undefined || view.inputs.some(({ state }) => state === "active"),
      );
    },
    60_000,
  );
}

function openCrowd(index: number): Running {
  const share = (part: number): number => Math.round((subscribers * part) / CROWDS);
  const addresses = EDGES.map((name) => network.site(name)).map((site) => ({
    name: site.name,
    http: site.httpPort,
    udp: site.udpPort,
  }));
  const plan: CrowdPlan = {
    name: `crowd-${index}`,
    seed: seed * CROWDS + index,
    channel: CHANNEL,
    sites: addresses,
    viewers: { websocket: share(0.4), tcp: share(0.4), udp: share(0.08) },
    slowReaders: share(0.04),
    churnPerSecond: 2,
  };
  const script = fileURLToPath(new URL("./soak/crowd.js", import.meta.url));
  const crowd = start(process.execPath, [script]);
  crowd.child.stdin?.on("error", () => {});
  crowd.child.stdin?.write(`${JSON.stringify(plan)}\n`);
  process.once("exit", () => crowd.child.kill("SIGKILL"));
  return crowd;
}

/** The crowd's answer to a line. */
async function ask(crowd: Running, line: string): Promise<CrowdStats> {
  const answers = (): string[] => crowd.stdout().split("\n").slice(0, -1);
  const seen = answers().length;
  crowd.child.stdin?.write(`${line}\n`);
  return until(
    `a crowd answers ${line}`,
    () => {
      if (crowd.child.exitCode !== null && answers().length === seen) {
        throw new Error(`a crowd ended: ${crowd.stderr().slice(-1_000)}`);
      }
      const answer = answers()[seen];
      return answer === undefined ? undefined : json<CrowdStats>(answer);
    },
    60_000,
  );
}

function sumOf(stats: readonly CrowdStats[]): Mutable<CrowdStats> {
  const { trouble, ...numbers } = { ...(stats[0] as Mutable<CrowdStats>) };
  const told = [...trouble];
  for (const { trouble: more, ...each } of stats.slice(1)) {
    told.push(...more);
    for (const key of Object.keys(each) as (keyof typeof each)[]) numbers[key] += each[key];
  }
  return { ...numbers, trouble: told };
}

function watch(name: string, megabytes: number | undefined): void {
  const found = watches.get(name) ?? new MemoryWatch();
  found.sample(megabytes);
  watches.set(name, found);
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  process.stderr.write(`error: ${name} ${text}\n  expected: a number above 0\n`);
  process.exit(2);
}
