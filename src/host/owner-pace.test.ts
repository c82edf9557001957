import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, logOver, VirtualClock } from "../base/index.ts";
import { OwnerPace } from "./owner-pace.ts";

function paceOf() {
  const clock = new VirtualClock();
  const lines: unknown[] = [];
  const pace = new OwnerPace(
    clock,
    logOver((_, message, fields) => lines.push([message, fields])),
  );
  return { clock, pace, lines };
}

/** How a request ended, once the time has passed that it may wait. */
async function outcomes(
  clock: VirtualClock,
  requests: readonly Promise<void>[],
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const settled = Promise.allSettled(requests);
  await Promise.resolve();
  clock.advance(LIMITS.rateWaitMsMax);
  for (const each of await settled) {
    const key = each.status === "fulfilled" ? "done" : (each.reason as { code: string }).code;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

test("requests beyond the rate wait for a while, and then are refused in words", async () => {
  const { clock, pace } = paceOf();
  const count = LIMITS.ownerRequestsBurst + 1_000;
  const asked = Array.from({ length: count }, () => pace.request("evil", "move"));
  const patient = (LIMITS.rateWaitMsMax / 1_000) * LIMITS.ownerRequestsPerSecond;
  assert.deepEqual(await outcomes(clock, asked), {
    done: LIMITS.ownerRequestsBurst + patient,
    "rate-limited": 1_000 - patient,
  });
});

test("one owner's requests take nothing from another's", async () => {
  const { clock, pace } = paceOf();
  const flood = Array.from({ length: 1_000 }, () => pace.request("evil", "streams"));
  await pace.request("good", "streams");
  await outcomes(clock, flood);
});

test("creating streams is a request with a rate of its own, and waiting for an answer is none", async () => {
  const { clock, pace } = paceOf();
  const some = LIMITS.ownerStreamsBurst + 100;
  const created = Array.from({ length: some }, () => pace.request("evil", "createStream"));
  const { done = 0 } = await outcomes(clock, created);
  assert.ok(done >= LIMITS.ownerStreamsBurst && done < some);
  const appends = Array.from({ length: 5_000 }, () => pace.request("evil", "append"));
  await Promise.all(appends);
});

test("timers and messages to oneself are put off as their rate says, and never for long", () => {
  const { clock, pace } = paceOf();
  assert.equal(pace.timers("evil", LIMITS.ownerTimersBurst), 0);
  assert.equal(pace.timers("evil", LIMITS.ownerTimersPerSecond), 1_000);
  assert.equal(pace.timers("evil", 1_000_000), LIMITS.ratePauseMsMax);
  assert.equal(pace.timers("good", 1), 0);
  assert.equal(pace.selfSends("evil", LIMITS.ownerSelfSendsBurst), 0);
  assert.equal(pace.selfSends("evil", LIMITS.ownerSelfSendsPerSecond / 2), 500);
  clock.advance(500);
  assert.equal(pace.selfSends("evil", 0), 0);
});

test("lines beyond the rate are left out, and the next one says how many they were", () => {
  const { clock, pace, lines } = paceOf();
  const taken = Array.from({ length: 3_000 }, () => pace.mayLog("evil", 10)).filter(Boolean).length;
  assert.equal(taken, LIMITS.ownerLinesBurst);
  assert.equal(pace.mayLog("good", 10), true);
  assert.deepEqual(lines, []);
  clock.advance(1_000);
  assert.equal(pace.mayLog("evil", 10), true);
  assert.deepEqual(lines, [
    [
      "Lines of an owner's agents were left out.",
      { owner: "evil", count: 1_000, perSecond: LIMITS.ownerLinesPerSecond },
    ],
  ]);
  // A long line counts as several.
  const long = Array.from({ length: 100 }, () => pace.mayLog("evil", 1_999)).filter(Boolean).length;
  assert.equal(long, Math.floor((LIMITS.ownerLinesPerSecond - 1) / 10));
});

test("many owners together have no more lines than a site", () => {
  const { pace } = paceOf();
  let taken = 0;
  for (let owner = 0; owner < 50; owner++)
    for (let line = 0; line < LIMITS.ownerLinesBurst; line++)
      if (pace.mayLog(`owner-${owner}`, 0)) taken++;
  assert.equal(taken, LIMITS.siteLinesBurst);
});

test("owners are forgotten, those that have been still for longest first", () => {
  const { pace } = paceOf();
  pace.timers("first", LIMITS.ownerTimersBurst);
  for (let owner = 0; owner < LIMITS.ratedOwnersMax; owner++) pace.timers(`owner-${owner}`, 1);
  assert.equal(pace.timers("first", LIMITS.ownerTimersBurst), 0);
});
