import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Arm, type ArmSetting, measureArm, warmUp } from "./fanout-arm.ts";
import type { Forwarder, OpenForwarder } from "./forwarder.ts";
import { openGstreamer } from "./gstreamer-forwarder.ts";
import { openDgram, openLimit, openLimitSendto } from "./limit-forwarders.ts";
import { openMeander } from "./meander-forwarder.ts";
import { median } from "./median.ts";
import { PacketSink } from "./packet-sink.ts";
import { RtpSource } from "./rtp-source.ts";

/** The forwarders: ours first, then those it is compared with. */
export const FORWARDERS = {
  meander: openMeander,
  limit: openLimit,
  limitSendto: openLimitSendto,
  dgram: openDgram,
  gstreamer: openGstreamer,
} as const satisfies Record<string, OpenForwarder>;
export type ForwarderName = keyof typeof FORWARDERS;
export const FORWARDER_NAMES = Object.keys(FORWARDERS) as ForwarderName[];

/** Packets that come together, by the name of the pattern. */
export const BURSTS = { single: 1, burst: 10 } as const;
export type Arrival = keyof typeof BURSTS;
export const ARRIVALS = Object.keys(BURSTS) as Arrival[];

/** What one forwarder did with one pattern. */
export interface Figure {
  /** Packets that reached subscribers for each second of the process's CPU time: the median of `rounds`. */
  readonly packetsPerCpuSecond: number;
  readonly rounds: readonly number[];
  /** Of one core: the median. */
  readonly cpuShare: number;
  /** Of all rounds. */
  readonly delivered: number;
  readonly expected: number;
}

/** What all did with so many subscribers. Null: not on this machine. */
export interface Comparison extends Record<Arrival, Record<ForwarderName, Figure | null>> {
  /** At the input. */
  readonly packetsPerSecond: number;
  readonly sink: "c" | "node";
}

/** How much is measured. */
export interface FanoutSettings {
  readonly subscribers: number;
  /** Of one arm. */
  readonly seconds: number;
  readonly rounds: number;
  /** False: the site makes no native calls. */
  readonly native: boolean;
  /** Called with the name of each step. */
  progress(text: string): void;
}

/**
 * Packets per second that leave a forwarder. It should be high, since the longer a process sleeps between packets the more
 * its time is that of waking up; and below what the slowest can do (`node:dgram`, 130 000 and more where this was written),
 * since a saturated forwarder drops, or receives packets in larger bursts than the others.
 */
export const RATE_OUT = 60_000;

/** Those compiled while they run, which takes V8 half a minute at this pace; a site runs for days. */
const COMPILED_LATE: ReadonlySet<ForwarderName> = new Set(["meander", "dgram"]);
const WARM_SECONDS = 15;
/** What the others have to pass on before they are measured. */
const READY_SECONDS = 1;

/** Measures all forwarders in turns, round by round, so that other load on the machine affects all of them. */
export async function measureFanout(settings: FanoutSettings): Promise<Comparison> {
  const { native, progress, rounds, seconds, subscribers } = settings;
  const packetsPerSecond = Math.round(RATE_OUT / subscribers);
  const folder = await mkdtemp(join(tmpdir(), "meander-bench-"));
  const opened: { stop(): Promise<void> }[] = [];
  try {
    const source = new RtpSource();
    opened.push(source);
    const sink = await PacketSink.open(subscribers, folder);
    opened.push(sink);
    const setting: ArmSetting = { source, sink, packetsPerSecond };
    const forwarders: [ForwarderName, Forwarder][] = [];
    for (const name of FORWARDER_NAMES) {
      progress(`${subscribers} subscribers: opening ${name}`);
      const greet = async (port: number): Promise<void> => {
        await source.send({ port, count: 300, burst: 10, packetsPerSecond: 1_000 });
      };
      const forwarder = await FORWARDERS[name]({ ports: sink.ports, folder, native, greet });
      if (forwarder === undefined) continue;
      opened.push(forwarder);
      forwarders.push([name, forwarder]);
      await warmUp(forwarder, setting, COMPILED_LATE.has(name) ? WARM_SECONDS : READY_SECONDS);
    }

    const arms = new Map<string, Arm[]>();
    for (let round = 1; round <= rounds; round++) {
      progress(`${subscribers} subscribers: round ${round} of ${rounds}`);
      for (const arrival of ARRIVALS) {
        // No forwarder always follows the same one.
        for (const [name, forwarder] of rotated(forwarders, round)) {
          const arm = await measureArm(forwarder, setting, { burst: BURSTS[arrival], seconds });
          const key = `${arrival} ${name}`;
          arms.set(key, [...(arms.get(key) ?? []), arm]);
        }
      }
    }
    const results = (arrival: Arrival): Record<ForwarderName, Figure | null> => {
      const of = (name: ForwarderName): Figure | null =>
        figureOf(arms.get(`${arrival} ${name}`) ?? []);
      const entries = FORWARDER_NAMES.map((name) => [name, of(name)] as const);
      return Object.fromEntries(entries) as Record<ForwarderName, Figure | null>;
    };
    return {
      packetsPerSecond,
      sink: sink.program,
      single: results("single"),
      burst: results("burst"),
    };
  } finally {
    await Promise.all(opened.map((each) => each.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const at = by % Math.max(1, list.length);
  return [...list.slice(at), ...list.slice(0, at)];
}

function figureOf(arms: readonly Arm[]): Figure | null {
  if (arms.length === 0) return null;
  const rounds = arms.map(({ cpuSeconds, packets }) => Math.round(packets / cpuSeconds));
  const sum = (pick: (arm: Arm) => number): number =>
    arms.reduce((total, arm) => total + pick(arm), 0);
  return {
    packetsPerCpuSecond: median(rounds),
    rounds,
    cpuShare: Number(
      median(arms.map(({ cpuSeconds, seconds }) => cpuSeconds / seconds)).toFixed(3),
    ),
    delivered: sum(({ packets }) => packets),
    expected: sum(({ expected }) => expected),
  };
}
