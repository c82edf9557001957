/**
 * How long the command line and a site take to start, as multiples of what Node itself takes, and what a site takes of the
 * machine that does nothing, or passes one channel on.
 *
 *   npm run bench -- startup [--json] [--rounds 15] [--seconds 20] [--only starts|idle|relay]
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { measureIdle, measureRelay } from "./support/idle-run.ts";
import { thisMachine } from "./support/machine.ts";
import { CAN_SEE_CPU } from "./support/process-cpu.ts";
import { environment, measureStarts, warmCache } from "./support/start-times.ts";

const PARTS = ["starts", "idle", "relay"];

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "15" },
    seconds: { type: "string", default: "20" },
    only: { type: "string", multiple: true, default: PARTS },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
if (!(rounds >= 1 && seconds > 0 && values.only.every((part) => PARTS.includes(part)))) {
  process.stderr.write("error: an option is wrong\n  expected: --rounds and --seconds above 0\n");
  process.stderr.write(`            --only ${PARTS.join(" or ")}\n`);
  process.exit(2);
}
const isWanted = (part: string): boolean => values.only.includes(part);

const machine = thisMachine();
const folder = await mkdtemp(join(tmpdir(), "meander-startup-"));
const env = environment(folder, true);
const progress = (text: string): void => void process.stderr.write(`${text}\n`);
try {
  progress("keeping what is compiled…");
  await warmCache(folder);
  let starts = null;
  let uncached = null;
  if (isWanted("starts")) {
    progress(`starting, ${rounds} times…`);
    starts = await measureStarts(folder, { rounds, isCached: true });
    progress("starting without what was kept…");
    uncached = await measureStarts(folder, { rounds: Math.ceil(rounds / 3), isCached: false });
  }
  // What other processes take can be seen on Linux alone.
  progress("doing nothing…");
  const isIdleSeen = CAN_SEE_CPU && isWanted("idle");
  const idle = isIdleSeen ? await measureIdle({ folder, seconds, env }) : null;
  progress("passing a channel on…");
  const isRelaySeen = CAN_SEE_CPU && isWanted("relay");
  const relay = isRelaySeen ? await measureRelay({ folder, seconds, env }) : null;
  const answer = {
    bench: "startup",
    machine,
    rounds,
    seconds,
    versionRatio: starts?.versionRatio ?? null,
    siteReadyRatio: starts?.siteReadyRatio ?? null,
    rssIdleMb: idle && Math.max(idle.leading.rssMb, idle.following.rssMb),
    cpuIdle: idle && Math.max(idle.leading.cpu, idle.following.cpu),
    cpuRelay: relay?.cpu ?? null,
    starts,
    uncached,
    idle,
    relay,
  };
  process.stdout.write(values.json ? `${JSON.stringify(answer)}\n` : `${table(answer)}\n`);
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** For people. */
function table(answer: Readonly<Record<string, unknown>>): string {
  const rows: [string, string, string][] = [
    ["versionRatio", "meander --version", "times node -e 0"],
    ["siteReadyRatio", "meander site, until /health answers", "times node -e 0"],
    ["rssIdleMb", "memory of an idle site", "MiB"],
    ["cpuIdle", "CPU time of an idle site", "% of a core"],
    ["cpuRelay", "CPU time of a site that passes 0.8 Mbit/s to one other", "% of a core"],
  ];
  const lines = new Table({
    style: { head: [], border: [] },
    colAligns: ["left", "right", "left"],
  });
  for (const [key, what, unit] of rows) {
    const value = answer[key];
    lines.push([what, typeof value === "number" ? value.toFixed(2) : "-", unit]);
  }
  return lines.toString();
}
