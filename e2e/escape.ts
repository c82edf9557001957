/**
 * Attempts of agents to get further than they may: out of their compartment, into others' memory, time and pace. Each is
 * made under an owner of its own on a real site, while another owner's appends are timed.
 *
 *   npm run escape -- [--tier inline|process] [--only reach,memory/text] [--all] [--json]
 *
 * It lists the attempts that got further than they may; with `--all`, and where few were chosen, every one.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { ATTEMPTS } from "./escape/all-attempts.ts";
import { type Attempt, KINDS, type Tier } from "./escape/attempt.ts";
import { Bystander } from "./escape/bystander.ts";
import {
  makeAttempt,
  type Outcome,
  type Prepared,
  prepare,
  type Scene,
} from "./escape/make-attempt.ts";
import { Network } from "./support/network.ts";

const TIERS: readonly Tier[] = ["process", "inline"];
/** Attempts at once, of those that measure nothing. */
const LANES = 4;
/** Attempts that are attached before their turn, of those that are measured. */
const AHEAD = 3;
/** For the quiet pace, ms. */
const QUIET_MS = 2_000;
/** An attempt beside which others are slow is made again: it counts when that was so in most of so many. */
const MADE_MAX = 5;
const SLOW_MAX = Math.ceil(MADE_MAX / 2);
/** So many rows are printed without being asked for. */
const ROWS_MAX = 40;
/** Bytes of the site's log beside an attempt that lasts, and all before it: 20 KB/s for each owner. */
const LOG_BYTES_MAX = 8 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    tier: { type: "string" },
    only: { type: "string" },
    all: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const tiers = TIERS.filter((tier) => values.tier === undefined || values.tier === tier);
const only = values.only?.split(",");
const chosen = ATTEMPTS.filter(
  ({ name }) => only === undefined || only.some((prefix) => name.startsWith(prefix)),
);
if (tiers.length === 0 || chosen.length === 0) {
  process.stderr.write(
    `error: ${tiers.length === 0 ? `--tier ${values.tier}` : `--only ${values.only}`}\n  expected: ${tiers.length === 0 ? TIERS.join(" or ") : `the start of a name, such as ${KINDS.join("/ or ")}/`}\n`,
  );
  process.exit(2);
}

const results: {
  tier: Tier;
  quietMs: number;
  quietOwnMs: number;
  outcomes: Outcome[];
  faults: string[];
}[] = [];
for (const tier of tiers) results.push(await madeIn(tier));
const isContained = results.every(
  ({ outcomes, faults }) =>
    faults.length === 0 && outcomes.every((outcome) => outcome.faults.length === 0),
);
if (values.json) process.stdout.write(`${JSON.stringify({ isContained, results })}\n`);
else for (const result of results) print(result);
process.exitCode = isContained ? 0 : 1;

async function madeIn(tier: Tier): Promise<(typeof results)[number]> {
  const attempts = chosen.filter((attempt) => attempt.tiers?.includes(tier) ?? true);
  const outcomes: Outcome[] = [];
  const faults: string[] = [];
  const args = tier === "inline" ? ["--allow-inline-agents"] : [];
  await using network = await Network.openWith(args, "origin");
  const { url, running } = network.site("origin");
  await using bystander = await Bystander.open(url, running.child.pid ?? 0);
  /** How long the bystander's appends take when nothing happens. */
  const pace = async (): Promise<Pick<Scene, "quietMs" | "quietOwnMs">> => {
    bystander.begin();
    await sleep(QUIET_MS);
    const quietMs = Math.max(1, Math.round(bystander.quantileMs(0.99)));
    return { quietMs, quietOwnMs: Math.round(10 * bystander.ownQuantileMs(0.99)) / 10 };
  };
  const scene: Scene = { url, tier, bystander, ...(await pace()) };
  const isUp = (): boolean => running.child.exitCode === null && running.child.signalCode === null;
  const make = async (prepared: Promise<Prepared>): Promise<void> => {
    if (!isUp()) return;
    const { attempt } = await prepared;
    let outcome = await makeAttempt(scene, await prepared);
    let slow = outcome.isOnlySlow ? 1 : 0;
    // Something else on the machine may have taken that time: what an attempt takes, it takes again.
    const isSuspect = slow > 0;
    for (let made = 1; isSuspect && made < MADE_MAX && slow < SLOW_MAX && isUp(); made++) {
      // The machine may be slower now than it was in the beginning.
      const now = await pace();
      const again = await makeAttempt({ ...scene, ...now }, await prepare(scene, attempt));
      if (again.isOnlySlow) slow++;
      if (!again.isOnlySlow || slow === SLOW_MAX) outcome = again;
    }
    outcomes.push(isUp() ? outcome : { ...outcome, faults: [...outcome.faults, "the site ended"] });
    if (outcome.faults.length > 0 || !isUp())
      process.stderr.write(`${tier} ${outcome.name}: ${outcome.faults.join("; ")}\n`);
  };
  const [measured, quiet] = [true, false].map((isMeasured) =>
    attempts.filter(({ othersMs }) => (othersMs !== undefined) === isMeasured),
  ) as [Attempt[], Attempt[]];
  const waiting = [...quiet];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && isUp(); next = waiting.shift())
      await make(prepare(scene, next));
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  // One after the other, while the next ones are attached.
  const ready: Promise<Prepared>[] = [];
  for (const [index] of measured.entries()) {
    for (const next of measured.slice(index + ready.length, index + AHEAD)) {
      const prepared = prepare(scene, next);
      prepared.catch(() => {});
      ready.push(prepared);
    }
    await make(ready.shift() as Promise<Prepared>);
  }
  if (!isUp()) faults.push(`the site ended: ${running.stderr().slice(-2_000)}`);
  if (outcomes.length < attempts.length)
    faults.push(`${attempts.length - outcomes.length} attempts were not made`);
  const logBytes = running.stderr().length;
  if (logBytes > LOG_BYTES_MAX) faults.push(`the site's log has ${logBytes} bytes`);
  const { quietMs, quietOwnMs } = scene;
  return { tier, quietMs, quietOwnMs, outcomes, faults };
}

function isWrong({ faults }: Outcome): boolean {
  return faults.length > 0;
}

function print({ tier, quietMs, quietOwnMs, outcomes, faults }: (typeof results)[number]): void {
  // In the terminal's own colours, and readable in a file.
  const style = { head: [], border: [] };
  const table = new Table({ head: ["attempt", "ended", "ms", "others ms", "own ms", ""], style });
  const listed = values.all || outcomes.length <= ROWS_MAX ? outcomes : outcomes.filter(isWrong);
  for (const { name, ended, ms, othersMs, ownMs, faults: its } of listed) {
    const words = its.length === 0 ? "contained" : its.join("\n");
    table.push([name, ended, ms, othersMs ?? "", ownMs ?? "", words]);
  }
  const wrong = outcomes.filter(isWrong).length;
  process.stdout.write(
    `${listed.length > 0 ? `${table.toString()}\n` : ""}${tier}: ${outcomes.length} attempts, ${wrong} got further than they may; ` +
      `another owner's appends take up to ${quietMs} ms when nothing happens, ${quietOwnMs} ms of that of their own\n${faults.map((fault) => `  ${fault}\n`).join("")}`,
  );
}
