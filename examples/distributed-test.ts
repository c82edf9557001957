/**
 * A distributed test, driven from one script: a probe on every site, all of them in motion, each measuring the round trip to all
 * others and checking that their messages come once and in order. A coordinator gathers what they find; the script prints the verdict.
 *
 *     meander run examples/distributed-test.ts
 *     meander sim examples/distributed-test.ts --seed 7
 */
import { defineAgent, type Shell } from "meander";
import type { Simulation } from "meander/sim";

const ROUNDS = 30;
const GIVE_UP_MS = 120_000;

type ProbeMessage =
  | { readonly type: "round" }
  | { readonly type: "ping"; readonly probe: string; readonly round: number; readonly asked: Asked }
  | { readonly type: "pong"; readonly asked: Asked; readonly answeredAt: string };

/** Where a probe was when it asked, and what the clock said there, ms. */
interface Asked {
  readonly site: string;
  readonly ms: number;
}

/** Round trips from one site to another, ms. */
interface RoundTrips {
  count: number;
  sum: number;
  worst: number;
}

interface Report {
  readonly probe: string;
  /** By `from > to`. */
  readonly roundTrips: ReadonlyMap<string, RoundTrips>;
  /** Pings that came twice or in the wrong order. */
  readonly disorder: number;
  /** Answers that the probe got at another site than it had asked from: nobody's clock has measured them. */
  readonly onTheWay: number;
  readonly visited: number;
}

const FRESH = {
  peers: [] as readonly string[],
  rounds: ROUNDS,
  round: 0,
  unanswered: 0,
  /** The next round expected, by probe. */
  next: new Map<string, number>(),
  roundTrips: new Map<string, RoundTrips>(),
  disorder: 0,
  onTheWay: 0,
  visited: 1,
};

const probing = defineAgent({
  name: "probe",
  briefcase: FRESH,
  on: {
    append: async (ctx, message: ProbeMessage) => {
      const { briefcase, stream, location } = ctx;
      if (message.type === "round") {
        briefcase.round++;
        briefcase.unanswered = briefcase.peers.length;
        const asked = { site: location, ms: ctx.now() };
        const ping = { type: "ping", probe: stream, round: briefcase.round, asked };
        await ctx.group(briefcase.peers).append(ping);
        return;
      }
      if (message.type === "ping") {
        const { probe, round, asked } = message;
        if (round !== (briefcase.next.get(probe) ?? 1)) briefcase.disorder++;
        briefcase.next.set(probe, round + 1);
        await ctx.open(probe).append({ type: "pong", asked, answeredAt: location });
        return;
      }
      if (message.asked.site === location) {
        const way = `${location} > ${message.answeredAt}`;
        const ms = ctx.now() - message.asked.ms;
        const all = briefcase.roundTrips.get(way) ?? { count: 0, sum: 0, worst: 0 };
        briefcase.roundTrips.set(way, {
          count: all.count + 1,
          sum: all.sum + ms,
          worst: Math.max(all.worst, ms),
        });
      } else {
        briefcase.onTheWay++;
      }
      briefcase.unanswered--;
      if (briefcase.unanswered > 0) return;
      if (briefcase.round < briefcase.rounds) {
        await ctx.open(stream).append({ type: "round" });
        return;
      }
      const { roundTrips, disorder, onTheWay, visited } = briefcase;
      const report = { probe: stream, roundTrips, disorder, onTheWay, visited };
      await ctx.open("coordinator").append(report);
    },
    arrival: (ctx) => {
      ctx.briefcase.visited++;
    },
  },
});

const gathering = defineAgent({
  name: "coordinator",
  briefcase: { reports: [] as Report[] },
  on: {
    // What it returns is the answer to a sender that waits.
    append: (ctx, message: Report | "reports") => {
      if (message !== "reports") ctx.briefcase.reports.push(message);
      return ctx.briefcase.reports;
    },
  },
});

// biome-ignore lint/style/noDefaultExport: what `meander run` and `meander sim` call
export default async function distributedTest(shell: Shell): Promise<void> {
  const sites = await shell.sites();
  if (sites.length < 2) throw new Error("this takes at least two sites");
  const names = sites.map((site) => `probe-${site}`);
  const coordinator = await shell.createStream("coordinator", { at: shell.site });
  await coordinator.registerAgent(gathering);
  const probes = await Promise.all(
    sites.map(async (site, index) => {
      const probe = await shell.createStream(`probe-${site}`, { at: site });
      const peers = names.filter((_name, other) => other !== index);
      await probe.registerAgent(probing, { briefcase: { ...FRESH, peers } });
      return probe;
    }),
  );
  console.log(`${probes.length} probes, ${ROUNDS} rounds each, all in motion`);
  await shell.group(names).append({ type: "round" });

  const giveUpAt = shell.now() + GIVE_UP_MS;
  let reports: readonly Report[] = [];
  for (let turn = 1; reports.length < probes.length && shell.now() < giveUpAt; turn++) {
    await Promise.all(
      probes.map((probe, index) => probe.move(sites[(index + turn) % sites.length] as string)),
    );
    const { reply } = await coordinator.append("reports", { until: "consumed", timeoutMs: 10_000 });
    reports = reply as readonly Report[];
    await shell.sleep(20);
  }
  await Promise.all([coordinator, ...probes].map((stream) => stream.destroy()));
  printVerdict(reports, probes.length);
}

function printVerdict(reports: readonly Report[], expected: number): void {
  const sum = (pick: (report: Report) => number): number =>
    reports.reduce((total, report) => total + pick(report), 0);
  const ways = new Map<string, RoundTrips>();
  for (const { roundTrips } of reports) {
    for (const [way, { count, sum: ms, worst }] of roundTrips) {
      const all = ways.get(way) ?? { count: 0, sum: 0, worst: 0 };
      ways.set(way, {
        count: all.count + count,
        sum: all.sum + ms,
        worst: Math.max(all.worst, worst),
      });
    }
  }
  for (const way of [...ways.keys()].sort()) {
    const { count, sum: ms, worst } = ways.get(way) as RoundTrips;
    const mean = (ms / count).toFixed(1).padStart(7);
    console.log(`${way.padEnd(24)} ${mean} ms, at worst ${worst.toFixed(1)} ms, of ${count}`);
  }
  const disorder = sum((report) => report.disorder);
  console.log(
    `${sum((report) => report.visited)} stays at sites, ${sum((report) => report.onTheWay)} answers met their probe elsewhere`,
  );
  if (reports.length < expected || disorder > 0) {
    throw new Error(
      `failed: ${expected - reports.length} probes did not report, ${disorder} messages out of order`,
    );
  }
  console.log("passed: every message came once and in order");
}

/** Three machines, the third far away, over links that lose one frame of twenty; only `meander sim` calls it. */
export function simulation(sim: Simulation): void {
  for (const [name, seconds] of [
    ["m0", 0.0005],
    ["m1", 0.002],
    ["m2", 0.02],
  ] as const) {
    const machine = sim.machine(name);
    sim.createEngine(machine, { drop: 5 });
    sim.sendLatency(machine, seconds);
  }
  sim.executionTime("append", 0.000_05);
  sim.duplicate(2);
  sim.reorder(5);
}
