import { setTimeout as sleep } from "node:timers/promises";
import { FrameSource } from "./frame-source.ts";
import type { FrameShape } from "./frame-stream.ts";
import { processCpuSeconds } from "./process-cpu.ts";
import { processRssMb } from "./process-memory.ts";
import { STREAM_SDP } from "./rtp-stream.ts";
import { type SiteProcess, startSite } from "./site-process.ts";

/** What a process takes. */
export interface ProcessCost {
  /** Of one core, percent. */
  readonly cpu: number;
  readonly rssMb: number;
}

export interface IdleSettings {
  readonly folder: string;
  readonly seconds: number;
  readonly env: NodeJS.ProcessEnv;
}

/** After a start, and after a channel began: by then the collector has been through what the start left, ms. */
const SETTLE_MS = 25_000;
const CHANNEL = "relayed";
const FLIGHT_SECONDS = 5;
/** 0.8 Mbit/s of packets with their headers. */
const SHAPE: FrameShape = { frameBytes: 3_333, packetBytes: 1_200, framesPerSecond: 30 };
const BITS_PER_SECOND = 8 * SHAPE.frameBytes * SHAPE.framesPerSecond;

/** What two sites take of which one leads the other, while nothing happens. */
export async function measureIdle({ folder, seconds, env }: IdleSettings): Promise<{
  readonly leading: ProcessCost;
  readonly following: ProcessCost;
}> {
  const leader = await site(folder, env, "leader");
  const follower = await site(folder, env, "follower", leader);
  try {
    await sleep(SETTLE_MS);
    const [leading, following] = await costs([leader, follower], seconds);
    if (leading === undefined || following === undefined) throw new Error("there are two sites");
    return { leading, following };
  } finally {
    await follower.stop();
    await leader.stop();
  }
}

/** What a site takes that gets one channel from its leader and passes it to one other site. */
export async function measureRelay({ folder, seconds, env }: IdleSettings): Promise<ProcessCost> {
  const source = new FrameSource();
  const leader = await site(folder, env, "leader");
  const relay = await site(folder, env, "relay", leader);
  const edge = await site(folder, env, "edge", leader);
  try {
    await relay.client.setRoutes(routeFrom("leader"));
    await edge.client.setRoutes(routeFrom("relay"));
    const { tracks } = await leader.client.publishSdp(CHANNEL, STREAM_SDP, { ports: "assign" });
    const port = tracks[0]?.rtpPort;
    if (port === undefined) throw new Error("the site opened no port for the video");
    let isMeasured = false;
    const sending = (async () => {
      const frames = FLIGHT_SECONDS * SHAPE.framesPerSecond;
      while (!isMeasured) await source.send({ port, frames, shape: SHAPE });
    })();
    await sleep(SETTLE_MS);
    const [cost] = await costs([relay], seconds);
    const { channels } = await edge.client.currentStats();
    const arrives = channels.find(({ name }) => name === CHANNEL)?.bitsIn ?? 0;
    if (arrives < 0.9 * BITS_PER_SECOND) throw new Error(`only ${arrives} bit/s came`);
    isMeasured = true;
    await sending;
    if (cost === undefined) throw new Error("there is one relay");
    return cost;
  } finally {
    for (const each of [edge, relay, leader]) await each.stop();
    await source.stop();
  }
}

/** Also while nobody watches. */
function routeFrom(upstream: string): object {
  return { channels: { [CHANNEL]: { input: { from: [upstream], keep: true } } } };
}

async function costs(sites: readonly SiteProcess[], seconds: number): Promise<ProcessCost[]> {
  const cpu = (): number[] => sites.map(({ pid }) => processCpuSeconds(pid));
  const before = cpu();
  const start = performance.now();
  await sleep(seconds * 1_000);
  const after = cpu();
  const passed = (performance.now() - start) / 1_000;
  return sites.map(({ pid }, index) => ({
    cpu: (100 * ((after[index] ?? 0) - (before[index] ?? 0))) / passed,
    rssMb: processRssMb(pid),
  }));
}

function site(
  folder: string,
  env: NodeJS.ProcessEnv,
  name: string,
  leader?: SiteProcess,
): Promise<SiteProcess> {
  const join = leader === undefined ? [] : ["--join", `http://127.0.0.1:${leader.port}`];
  return startSite(folder, { site: ["--name", name, ...join], env });
}
