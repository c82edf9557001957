import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  DEFAULT_LIMITS,
  InlineExecutor,
  PolicyAgent,
  type PolicyRequest,
  type Verdict,
} from "../../agent/index.ts";
import { SILENT, SystemClock, SystemRandom } from "../../base/index.ts";
import { prepareCode } from "../../code/index.ts";
import { packValue } from "../../wire/index.ts";
import { packageRoot } from "../package-root.ts";
import { READY_POLICIES, readyPolicy } from "./ready-policies.ts";
import { zoneOffsets } from "./zone-offsets.ts";

const clock = new SystemClock();
const executor = await InlineExecutor.open({ clock, log: SILENT });
after(() => executor[Symbol.asyncDispose]());

const KEY = `ed25519:${"k".repeat(43)}`;
const OTHER = `ed25519:${"o".repeat(43)}`;
/** A Monday. */
const MONDAY = Date.UTC(2026, 10, 30);
const HOUR = 3_600_000;
const BASE: PolicyRequest = {
  ...{ action: "create", at: MONDAY, by: "subject:alice" },
  ...{ stream: "radio", site: "north" },
};

/** Asks the policy itself, prepared and run as a site does. */
async function judging(
  name: string,
  options: Readonly<Record<string, unknown>>,
): Promise<(changes: Partial<PolicyRequest>) => Promise<Verdict>> {
  const { source, file, briefcase } = await readyPolicy(name, options);
  const { expression, sha256 } = await prepareCode("agent", { source, file: file ?? name });
  const random = new SystemRandom();
  const place = { executor, site: "north", clock, random, log: SILENT };
  const program = { scope: "session", sha256, expression, limits: DEFAULT_LIMITS };
  const policy = await PolicyAgent.start(place, {
    ...program,
    briefcase: packValue(briefcase ?? {}),
  });
  after(() => policy.close());
  return (changes) => policy.judge({ ...BASE, ...changes });
}

const ALLOWED: Verdict = { effect: "allow" };

async function refused(verdict: Promise<Verdict>, reason: RegExp): Promise<void> {
  const { effect, reason: words = "", ...rest } = await verdict;
  assert.deepEqual([effect, rest], ["deny", {}]);
  assert.match(words, reason);
}

test("[A49] each policy that ships is a file of the folder, and each file is one", () => {
  const folder = join(packageRoot(), "src", "client", "policies");
  const files = readdirSync(folder).filter(
    (file) => !/\.test\.ts$/.test(file) && !/^(index|ready-policies|zone-offsets)/.test(file),
  );
  const names = Object.keys(READY_POLICIES);
  assert.deepEqual(files.sort(), names.map((name) => `${name}.ts`).sort());
  for (const { about } of Object.values(READY_POLICIES)) assert.ok(about.length <= 90, about);
});

test("owner-only: the creator and the stream's own agents control it, and no other", async () => {
  const judge = await judging("owner-only", {});
  const owner = "subject:alice";
  assert.deepEqual(await judge({}), ALLOWED);
  for (const by of [owner, "stream:radio"])
    assert.deepEqual(await judge({ action: "destroy", owner, by }), ALLOWED);
  for (const action of ["attach", "move", "inspect", "dead-letter"])
    await refused(judge({ action, owner, by: "subject:bob" }), /radio is subject:alice's alone/);
  assert.deepEqual(await judge({ action: "open", owner, by: "subject:bob" }), ALLOWED);
});

test("quota: streams are counted for a principal, agents for a stream", async () => {
  const judge = await judging("quota", { streams: 2, agents: "1" });
  assert.deepEqual(await judge({ streams: 1 }), ALLOWED);
  await refused(judge({ streams: 2 }), /subject:alice has 2 streams, and may have 2/);
  assert.deepEqual(await judge({ action: "attach", agents: 0 }), ALLOWED);
  await refused(judge({ action: "attach", agents: 1 }), /has 1 agent, and may have 1/);
  assert.deepEqual(await judge({ action: "move" }), ALLOWED);
});

test("quota: moves are counted by minute and by principal, and it says when to try again", async () => {
  const judge = await judging("quota", { movesPerMinute: 2 });
  const move = (at: number, by = "subject:alice"): Promise<Verdict> =>
    judge({ action: "move", at: MONDAY + at, by });
  assert.deepEqual([await move(0), await move(10_000)], [ALLOWED, ALLOWED]);
  await refused(move(48_500), /may move 2 a minute; try again in 12 s/);
  assert.deepEqual(await move(48_500, "subject:bob"), ALLOWED);
  assert.deepEqual(await move(60_000), ALLOWED);
  assert.deepEqual(await move(60_000, "__proto__"), ALLOWED);
  assert.deepEqual(await judge({ streams: 1_000 }), ALLOWED);
});

test("signed-by: code comes from its authors, what brings none from all", async () => {
  const judge = await judging("signed-by", { key: `${KEY},${OTHER}` });
  const code = { action: "attach", hash: "a".repeat(64) };
  assert.deepEqual(await judge({ ...code, author: OTHER }), ALLOWED);
  await refused(judge(code), /the code is not signed, and it takes one of ed/);
  await refused(judge({ ...code, author: `${KEY}x` }), /has signed it, and it takes one of ed/);
  assert.deepEqual(await judge({ action: "replace" }), ALLOWED);
  assert.deepEqual(await judge({ action: "move" }), ALLOWED);
});

test("tier-by-author: trusted code asks for anything, known code for so much", async () => {
  const judge = await judging("tier-by-author", { trusted: KEY, known: [OTHER], memoryMb: 32 });
  const limits = { ...DEFAULT_LIMITS, memoryMb: 64 };
  const code = { action: "attach", hash: "a".repeat(64), limits };
  assert.deepEqual(await judge({ ...code, author: KEY }), ALLOWED);
  await refused(judge({ ...code, author: OTHER }), /wants 64 MB, and code of ed.* gets 32/);
  const small = { ...code, limits: { ...limits, memoryMb: 32 } };
  assert.deepEqual(await judge({ ...small, author: OTHER }), ALLOWED);
  await refused(judge({ ...small, action: "replace" }), /the code is not signed/);
  await refused(
    judge({ ...small, author: `ed25519:${"x".repeat(43)}` }),
    /no author that is known/,
  );
  const slow = { ...small, limits: { ...small.limits, handlerMs: 6_000 } };
  await refused(judge({ ...slow, author: OTHER }), /wants 6000 ms/);
  assert.deepEqual(await judge({ action: "destroy" }), ALLOWED);
});

test("working-hours: what runs is changed then, and moves at any time", async () => {
  const judge = await judging("working-hours", { from: "8", to: 18, days: "mon-fri" });
  const when = /this is done mon, tue, wed, thu, fri from 8 to 18 o'clock, UTC/;
  for (const hour of [8, 17.99])
    assert.deepEqual(await judge({ at: MONDAY + hour * HOUR }), ALLOWED);
  for (const hour of [0, 7.99, 18, 23.99]) await refused(judge({ at: MONDAY + hour * HOUR }), when);
  for (const day of [-1, -2]) await refused(judge({ at: MONDAY + (24 * day + 12) * HOUR }), when);
  for (const action of ["move", "inspect", "client-attach", "leave"])
    assert.deepEqual(await judge({ action, at: MONDAY }), ALLOWED, action);
});

test("working-hours: a zone changes its clocks, and days go round the week", async () => {
  const judge = await judging("working-hours", { from: 8, to: 9, zone: "Europe/Berlin" });
  const summer = Date.UTC(2027, 6, 5);
  assert.deepEqual(await judge({ at: MONDAY + 7.5 * HOUR }), ALLOWED);
  assert.equal((await judge({ at: MONDAY + 8.5 * HOUR })).effect, "deny");
  assert.deepEqual(await judge({ at: summer + 6.5 * HOUR }), ALLOWED);
  assert.equal((await judge({ at: summer + 7.5 * HOUR })).effect, "deny");
  const weekend = await judging("working-hours", { from: 0, to: 24, days: "sat-sun,mon" });
  for (const [day, effect] of [
    [-2, "allow"],
    [-1, "allow"],
    [0, "allow"],
    [1, "deny"],
  ] as const)
    assert.equal((await weekend({ at: MONDAY + 24 * day * HOUR })).effect, effect);
});

test("a zone's offsets are exact to the minute, and UTC has one", () => {
  assert.deepEqual(zoneOffsets("UTC", MONDAY), [[MONDAY, 0]]);
  const [now, spring, autumn] = zoneOffsets("Europe/Berlin", MONDAY);
  assert.deepEqual(now, [MONDAY, 60]);
  assert.deepEqual(spring, [Date.UTC(2027, 2, 28, 1), 120]);
  assert.deepEqual(autumn, [Date.UTC(2027, 9, 31, 1), 60]);
  assert.deepEqual(zoneOffsets("Asia/Kathmandu", MONDAY), [[MONDAY, 345]]);
});

test("[A49] options that are wrong are refused, with what is expected", async () => {
  const cases: readonly [string, Readonly<Record<string, unknown>>, RegExp][] = [
    ["quotas", {}, /no policy is called "quotas"; expected one of owner-only, quota, /],
    ["quota", {}, /it has no option; expected --streams, --agents or --moves-per-minute/],
    [
      "quota",
      { streams: "many" },
      /--streams: got "many"; expected a whole number from 0 to 1000000/,
    ],
    ["quota", { movesPerMinute: -1 }, /--moves-per-minute: got -1/],
    [
      "quota",
      { zone: "UTC" },
      /it has no --zone; expected --streams, --agents, --moves-per-minute/,
    ],
    ["owner-only", { streams: 1 }, /it has no --streams; expected no options/],
    ["signed-by", { key: "ed25519:short" }, /--key: got "ed25519:short"; expected public keys/],
    ["working-hours", { from: 18, to: 8 }, /got 18 and 8; expected both, the first before/],
    ["working-hours", { from: 8 }, /got 8 and nothing/],
    ["working-hours", { from: 8, to: 18, days: "mon-someday" }, /--days: .*expected days, such as/],
    ["working-hours", { from: 8, to: 18, zone: "Mars" }, /no time zone is called "Mars"/],
    ["constructor", {}, /no policy is called/],
    ["quota", { __proto__: null, toString: 1 }, /it has no --to-string/],
  ];
  for (const [name, options, message] of cases)
    await assert.rejects(readyPolicy(name, options), { code: "option-invalid", message }, name);
});
