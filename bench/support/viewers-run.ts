import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FrameSource } from "./frame-source.ts";
import { type FrameShape, packetsPerFrame } from "./frame-stream.ts";
import { median } from "./median.ts";
import {
  openLimitServer,
  openSiteServer,
  VIEWERS_CHANNEL,
  type ViewerServer,
} from "./viewer-servers.ts";
import { type ViewerCrowd, type ViewerProtocol, ViewerSink } from "./viewer-sink.ts";

/** So many viewers of one stream. */
export interface Load {
  readonly viewers: number;
  readonly shape: FrameShape;
}

const LOW: FrameShape = { frameBytes: 812, packetBytes: 1_200, framesPerSecond: 4 };
const HIGH: FrameShape = { frameBytes: 4_166, packetBytes: 1_200, framesPerSecond: 30 };

/** The paper's two loads (Reflector 6.2), and as many viewers as a site is made for. */
export const LOADS: Readonly<Record<string, Load>> = {
  "1020x26k": { viewers: 1_020, shape: LOW },
  "85x1M": { viewers: 85, shape: HIGH },
  "5000x26k": { viewers: 5_000, shape: LOW },
  "500x1M": { viewers: 500, shape: HIGH },
};

/** What a site did under one load. */
export interface ViewersFigure {
  /** Of one core, the whole process: the median. */
  readonly cpuShare: number;
  /** CPU seconds of the site over those of the C program. */
  readonly ratioToC: number;
  /** Packets of all rounds that viewers did not get. */
  readonly lost: number;
  /** From publisher to viewer, of the worst round. */
  readonly lateP99Ms: number;
  /** The most of all rounds. */
  readonly rssMb: number;
  readonly rounds: readonly { readonly cpuShare: number; readonly cpuShareOfC: number }[];
  readonly delivered: number;
  /** How often viewers were asked to acknowledge, on average. */
  readonly ackMs: number;
  readonly c: { readonly cpuShare: number; readonly lost: number; readonly lateP99Ms: number };
}

/** How much is measured. */
export interface ViewersSettings {
  /** Of one arm. */
  readonly seconds: number;
  readonly rounds: number;
  /** Options of `meander site`, and of Node before them. */
  readonly site: readonly string[];
  readonly node: readonly string[];
  /** Called with the name of each step. */
  progress(text: string): void;
}

/** What one server did with one flight. */
interface Arm {
  readonly cpuShare: number;
  readonly delivered: number;
  readonly lost: number;
  readonly lateP99Ms: number;
  readonly rssMb: number;
}

/** For just-in-time compilers to see what is hot: so many writes, at most so many a second. */
const WARM_WRITES = 150_000;
const WARM_WRITES_PER_SECOND = 20_000;
/** Then for newcomers to catch up, and for what was warm to be forgotten, at the usual pace, seconds. */
const SETTLE_SECONDS = 5;
/** No packet for so long: those that are missing are lost, ms. */
const QUIET_MS = 500;
const POLL_MS = 50;

/** Measures a site and the C program in turns. @throws {Error} where this machine cannot */
export async function measureViewers(
  name: string,
  protocol: ViewerProtocol,
  settings: ViewersSettings,
): Promise<ViewersFigure> {
  const load = LOADS[name] as Load;
  const { progress, rounds } = settings;
  checkDescriptors(load.viewers);
  const folder = await mkdtemp(join(tmpdir(), "meander-bench-"));
  const opened: { stop(): Promise<void> }[] = [];
  const keep = <T extends { stop(): Promise<void> }>(each: T): T => {
    opened.unshift(each);
    return each;
  };
  try {
    progress(`${name} over ${protocol}: connecting`);
    const source = keep(new FrameSource());
    const join = async (
      server: ViewerServer,
      speech: ViewerCrowd["speech"],
    ): Promise<Contestant> => {
      // The first packets make the channel known.
      await source.send({ port: server.rtpPort, frames: 4, shape: load.shape });
      const crowd = { port: server.tcpPort, viewers: load.viewers, speech };
      return { server, sink: keep(await ViewerSink.open(crowd, folder)), source, load };
    };
    const speech = { protocol, channel: VIEWERS_CHANNEL };
    const site = await join(keep(await openSiteServer(folder, settings)), speech);
    // Its viewers acknowledge as often as the site asked for.
    const limitServer = keep(await openLimitServer(load.viewers, folder));
    const limit = await join(limitServer, { ackMs: site.sink.ackMs });
    await measureArm(limit, 1);
    await warmUp(site);
    await measureArm(site, SETTLE_SECONDS);

    const arms: { readonly site: Arm; readonly limit: Arm }[] = [];
    for (let round = 1; round <= rounds; round++) {
      progress(`${name} over ${protocol}: round ${round} of ${rounds}`);
      arms.push({
        site: await measureArm(site, settings.seconds),
        limit: await measureArm(limit, settings.seconds),
      });
    }
    return figureOf(arms, site.sink.ackMs);
  } finally {
    for (const each of opened) await each.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Contestant {
  readonly server: ViewerServer;
  readonly sink: ViewerSink;
  readonly source: FrameSource;
  readonly load: Load;
}

/** The same frames, as fast as a warm-up may take them. */
async function warmUp({ load, server, source }: Contestant): Promise<void> {
  const { shape, viewers } = load;
  const framesPerSecond = Math.max(shape.framesPerSecond, WARM_WRITES_PER_SECOND / viewers);
  const frames = Math.round(WARM_WRITES / viewers);
  await source.send({ port: server.rtpPort, frames, shape, framesPerSecond });
}

async function measureArm(
  { load, server, sink, source }: Contestant,
  seconds: number,
): Promise<Arm> {
  const frames = Math.max(1, Math.round(seconds * load.shape.framesPerSecond));
  const expected = frames * packetsPerFrame(load.shape) * sink.viewers;
  await sink.reset();
  const before = server.cpuSeconds();
  const took = await source.send({ port: server.rtpPort, frames, shape: load.shape });
  const cpuSeconds = server.cpuSeconds() - before;
  let counts = await sink.count();
  for (let quiet = 0; counts.packets < expected && quiet < QUIET_MS; ) {
    await sleep(POLL_MS);
    const next = await sink.count();
    quiet = next.packets === counts.packets ? quiet + POLL_MS : 0;
    counts = next;
  }
  return {
    cpuShare: cpuSeconds / took,
    delivered: counts.packets,
    lost: Math.max(counts.lost, expected - counts.packets),
    lateP99Ms: counts.lateP99Ms,
    rssMb: server.rssMb(),
  };
}

function figureOf(
  arms: readonly { readonly site: Arm; readonly limit: Arm }[],
  ackMs: number,
): ViewersFigure {
  const ours = median(arms.map(({ site }) => site.cpuShare));
  const theirs = median(arms.map(({ limit }) => limit.cpuShare));
  const sum = (pick: (arm: (typeof arms)[number]) => number): number =>
    arms.reduce((total, arm) => total + pick(arm), 0);
  const most = (pick: (arm: (typeof arms)[number]) => number): number =>
    Math.max(...arms.map(pick));
  return {
    cpuShare: round(ours, 4),
    ratioToC: round(ours / theirs, 3),
    lost: sum(({ site }) => site.lost),
    lateP99Ms: round(
      most(({ site }) => site.lateP99Ms),
      2,
    ),
    rssMb: round(
      most(({ site }) => site.rssMb),
      1,
    ),
    rounds: arms.map(({ limit, site }) => ({
      cpuShare: round(site.cpuShare, 4),
      cpuShareOfC: round(limit.cpuShare, 4),
    })),
    delivered: sum(({ site }) => site.delivered),
    ackMs,
    c: {
      cpuShare: round(theirs, 4),
      lost: sum(({ limit }) => limit.lost),
      lateP99Ms: round(
        most(({ limit }) => limit.lateP99Ms),
        2,
      ),
    },
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Descriptors of a process besides those of viewers. */
const DESCRIPTORS_MORE = 100;

/** Programs raise their limit to the hard one by themselves, Node too. */
function checkDescriptors(viewers: number): void {
  const limit = execFileSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" }).trim();
  if (limit === "unlimited" || Number(limit) >= viewers + DESCRIPTORS_MORE) return;
  throw new Error(
    [
      `${viewers} viewers do not fit the limit of open files, ${limit}`,
      `  expected: at least ${viewers + DESCRIPTORS_MORE}`,
      "  next: raise it (`ulimit -Hn`, LimitNOFILE of systemd), or leave the load out with --only",
    ].join("\n"),
  );
}
