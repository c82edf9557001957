/**
 * How many control requests a leader's policies judge in a second, without what the request then does: through policies
 * of session, site and stream that are code, each in a process of its own, and through rules in their place.
 *
 *   npm run bench -- control [--json] [--seconds 5] [--at-once 64] [--rounds 3]
 *
 * @module
 */
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { DEFAULT_LIMITS } from "../src/agent/index.ts";
import { SILENT, SystemClock, SystemRandom } from "../src/base/index.ts";
import { CodeStore, prepareCode } from "../src/code/index.ts";
import { EmbeddedDirectory, MemoryStore } from "../src/directory/embedded/index.ts";
import type { Json } from "../src/directory/index.ts";
import { PolicyAgents } from "../src/host/policy-agents.ts";
import { JudgedRequests } from "../src/session/judged-requests.ts";
import { type JudgementPorts, passPolicies } from "../src/session/judgement.ts";
import { PolicyReader } from "../src/session/read-policy.ts";
import { encodeBase64, packValue } from "../src/wire/index.ts";
import { thisMachine } from "./support/machine.ts";
import { median } from "./support/median.ts";

const SCOPES = ["session", "sites/north", "streams/radio"];
/** Rules of each scope: the last one decides. */
const RULES = 10;
/** Latency is that of one request at a time. */
const SINGLE_MAX = 2_000;
const WARM_MS = 1_000;

/** Looks at all that a policy is told, and counts. */
const POLICY = `export default { on: { judge: (ctx, request) => {
  const { action, by, stream, site, owner } = request;
  ctx.briefcase.count = (ctx.briefcase.count ?? 0) + 1;
  if (action === "destroy" && by !== owner) return { effect: "deny", reason: "not yours" };
  return stream !== "vault" || site === "north";
} } };`;

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    "at-once": { type: "string", default: "64" },
  },
});
const [seconds, rounds, atOnce] = [values.seconds, values.rounds, values["at-once"]].map(
  Number,
) as [number, number, number];
if (!(seconds > 0 && rounds >= 1 && atOnce >= 1)) {
  process.stderr.write(
    "error: an option is wrong\n  expected: --seconds, --rounds and --at-once above 0\n",
  );
  process.exit(2);
}

/** What was measured of one kind of policies. */
interface Pace {
  readonly judgedPerSecond: number;
  readonly addedP50Us: number;
  readonly addedP99Us: number;
}

const machine = thisMachine();
const progress = (text: string): void => void process.stderr.write(`${text}\n`);
const code: Pace[] = [];
const rules: Pace[] = [];
const none: Pace[] = [];
for (let round = 0; round < rounds; round++) {
  progress(`round ${round + 1} of ${rounds}: no policy…`);
  none.push(await measure(async () => {}));
  progress("rules…");
  rules.push(
    await measure(async (directory) => {
      for (const scope of SCOPES) await directory.put(`policy/${scope}`, someRules());
    }),
  );
  progress("code…");
  code.push(await measure(putCode));
}
const answer = {
  ...{ bench: "control", machine, seconds, rounds, atOnce, policies: SCOPES.length },
  code: middle(code),
  rules: { ...middle(rules), perScope: RULES },
  none: middle(none),
};
process.stdout.write(values.json ? `${JSON.stringify(answer)}\n` : `${table()}\n`);

/** The pace of requests that all of the policies allow. @param put puts them into the directory */
async function measure(
  put: (directory: EmbeddedDirectory, codes: CodeStore) => Promise<void>,
): Promise<Pace> {
  const { ProcessExecutor, openAgentProcesses } = await published();
  const [clock, random] = [new SystemClock(), new SystemRandom()];
  await using directory = await EmbeddedDirectory.open({
    ...{ store: new MemoryStore(), clock, random, log: SILENT },
  });
  const codes = new CodeStore();
  await put(directory, codes);
  await using pool = openAgentProcesses();
  await using executor = new ProcessExecutor({ pool, clock, log: SILENT });
  const judge = new PolicyAgents({
    ...{ executor, clock, random, log: SILENT, site: "north", code: codes },
  });
  const ports: JudgementPorts = {
    ...{ clock, directory, judge, judged: new JudgedRequests(), reader: new PolicyReader() },
  };
  await during(WARM_MS, () => judged(ports));
  const singles: number[] = [];
  while (singles.length < SINGLE_MAX) {
    const began = performance.now();
    await judged(ports);
    singles.push(performance.now() - began);
  }
  singles.sort((a, b) => a - b);
  const judgedPerSecond = await during(seconds * 1_000, () => judged(ports));
  judge.close();
  const quantileUs = (share: number): number =>
    Math.round(1_000 * (singles[Math.floor(share * SINGLE_MAX)] ?? Number.NaN));
  return { judgedPerSecond, addedP50Us: quantileUs(0.5), addedP99Us: quantileUs(0.99) };
}

/** How often work is done in a second, so many times at once. */
async function during(ms: number, work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  let done = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() - began < ms) {
      await work();
      done++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return Math.round((1_000 * done) / (performance.now() - began));
}

async function judged(ports: JudgementPorts): Promise<void> {
  const asker = { by: "subject:alice", label: "shell-1" };
  const about = {
    action: "move",
    stream: "radio",
    site: "north",
    from: "south",
    to: "north",
  } as const;
  await passPolicies(ports, { ...asker, ...about }, { owner: "subject:alice" });
}

function someRules(): Json {
  const others = Array.from({ length: RULES - 1 }, (_, n) => ({
    ...{ effect: "deny", actions: ["move", "destroy"], by: `subject:guest-${n}-*`, stream: "r*" },
    reason: "guests move nothing",
  }));
  return [...others, { effect: "allow", actions: ["*"], by: "subject:*" }];
}

async function putCode(directory: EmbeddedDirectory, codes: CodeStore): Promise<void> {
  const prepared = await prepareCode("agent", { source: POLICY });
  await codes.put(prepared);
  const briefcase = encodeBase64(packValue({}));
  const policy = { code: prepared.sha256, limits: { ...DEFAULT_LIMITS }, briefcase };
  for (const scope of SCOPES) await directory.put(`policy/${scope}`, policy);
}

/** The programs as they are published. */
async function published(): Promise<typeof import("../src/agent/index.ts")> {
  return await import(new URL("../bundle/agent.js", import.meta.url).href);
}

function middle(paces: readonly Pace[]): Pace {
  const of = (key: keyof Pace): number => median(paces.map((pace) => pace[key]));
  return {
    judgedPerSecond: of("judgedPerSecond"),
    addedP50Us: of("addedP50Us"),
    addedP99Us: of("addedP99Us"),
  };
}

/** For people. */
function table(): string {
  const lines = new Table({
    head: ["three policies", "requests/s", "one takes, p50", "p99"],
    style: { head: [], border: [] },
    colAligns: ["left", "right", "right", "right"],
  });
  for (const [name, pace] of [
    ["code", answer.code],
    [`${RULES} rules each`, answer.rules],
    ["none", answer.none],
  ] as const)
    lines.push([name, pace.judgedPerSecond, `${pace.addedP50Us} µs`, `${pace.addedP99Us} µs`]);
  return lines.toString();
}
