/** [M13] What an agent set reports of failed handlers of events. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effects, EventCall } from "../../stream/index.ts";
import { packValue, unpackValue } from "../../wire/index.ts";
import {
  notify,
  policyOf,
  ScriptedSite,
  settled,
  specOf,
  stateOf,
} from "./agent-set.test.support.ts";
import type { AgentSet } from "./agent-set.ts";
import type { Script } from "./scripted-executor.test.support.ts";

const TIMER: EventCall = { agent: "flaky", handler: "timer", argument: packValue("tick") };

/** Fails a given number of times. */
function flaky(times: number): Script {
  let left = times;
  const handler: Script["timer"] = ({ briefcase, argument }) => {
    briefcase["got"] = argument;
    if (left-- > 0) throw new Error("no");
    return { appends: [{ to: "out", payload: packValue(argument) }] };
  };
  return { timer: handler, arrival: handler, agentAttached: handler, finalize: handler };
}

function recall(set: AgentSet, call: EventCall, attempt: number): Promise<Effects> {
  const tries = { attempt, deaths: 0, spared: 0 };
  return new Promise((resolve) => set.recall(call, tries, resolve));
}

function thens(effects: Effects): unknown[] {
  return (effects.failures ?? []).map(({ call: { agent, handler }, then }) => [
    ...[agent, handler, then.type],
    ...(then.type === "retry" ? [then.afterMs] : []),
  ]);
}

test("[M13] each agent whose handler fails is reported with what its policy says; the others commit", async () => {
  const patient = { onError: policyOf(2, 30, "skip") };
  const site = new ScriptedSite({ flaky: flaky(1), halting: flaky(1), fine: flaky(0) });
  const set = await site.open([
    stateOf("flaky", {}, patient),
    stateOf("halting", {}, { onError: policyOf(0, 1, "halt") }),
    stateOf("fine"),
  ]);
  const effects = await notify(set, { type: "arrival", from: "a" });
  assert.deepEqual(thens(effects), [
    ["flaky", "arrival", "retry", 30],
    ["halting", "arrival", "halt"],
  ]);
  assert.equal(effects.appends.length, 1);
  assert.deepEqual(unpackValue(effects.failures?.[0]?.call.argument as Uint8Array), { from: "a" });
});

test("[M13] a handler that is run again gets the same argument and the briefcase as it was, and its attempts count", async () => {
  const site = new ScriptedSite({ flaky: flaky(3), other: flaky(0) });
  const set = await site.open([
    stateOf("flaky", {}, { onError: policyOf(2, 30, "deadLetter") }),
    stateOf("other"),
  ]);
  const event = { type: "timer", agent: "flaky", payload: TIMER.argument } as const;
  assert.deepEqual(thens(await notify(set, event)), [["flaky", "timer", "retry", 30]]);
  assert.deepEqual(thens(await recall(set, TIMER, 2)), [["flaky", "timer", "retry", 60]]);
  assert.deepEqual(thens(await recall(set, TIMER, 3)), [["flaky", "timer", "dead-letter"]]);
  assert.deepEqual(
    set.agents.map(({ briefcase }) => unpackValue(briefcase)),
    [{}, {}],
  );
  const effects = await recall(set, TIMER, 4);
  assert.deepEqual([thens(effects), effects.appends.length, effects.changed], [[], 1, true]);
});

test("[M13] an event whose agent was detached, or no longer has such a handler, has ended", async () => {
  const site = new ScriptedSite({ flaky: flaky(0) });
  const set = await site.open([stateOf("flaky")]);
  for (const call of [
    { ...TIMER, agent: "gone" },
    { ...TIMER, handler: "siteLeft" as const },
  ]) {
    const effects = await recall(set, call, 2);
    assert.deepEqual([effects.appends, effects.failures], [[], undefined]);
  }
});

test("[M13] an event is tried again for an agent that does not start, however often it takes", async () => {
  const site = new ScriptedSite({ flaky: flaky(0) });
  const set = await site.open([stateOf("flaky", {}, { onError: policyOf(0, 1, "skip") })]);
  site.executor.last.end("executor-failed");
  await settled();
  site.executor.failingStarts = 2;
  const first = await notify(set, { type: "arrival", from: "a" });
  assert.deepEqual(thens(first), [["flaky", "arrival", "retry", 100]]);
  const [failure] = first.failures ?? [];
  const call = failure?.call as EventCall;
  assert.deepEqual(thens(await recall(set, call, 2)), [["flaky", "arrival", "retry", 200]]);
  assert.deepEqual(thens(await recall(set, call, 3)), []);
});

test("[M13] an event whose handler was interrupted by another agent's end is tried again", async () => {
  const site = new ScriptedSite({
    slow: { timer: () => new Promise(() => {}), arrival: () => ({ appends: [] }) },
  });
  const set = await site.open([stateOf("slow", {}, { onError: policyOf(0, 1, "skip") })]);
  const effects = recall(set, { ...TIMER, agent: "slow" }, 1);
  await settled();
  site.executor.last.endForAnother("executor-failed");
  // Though its policy allows no attempt after one that failed.
  assert.deepEqual(thens(await effects), [["slow", "timer", "retry", 100]]);
  await settled();
  assert.deepEqual(thens(await notify(set, { type: "arrival", from: "a" })), []);
  assert.equal(site.executor.instances.length, 2);
});

test("[M13] handlers that fail when a new agent is attached are reported with the attachment", async () => {
  const site = new ScriptedSite({ flaky: flaky(1), plain: {} });
  const set = await site.open([stateOf("flaky")]);
  const effects = await set.attach(specOf("plain"), packValue({}));
  assert.deepEqual(thens(effects), [["flaky", "agentAttached", "retry", 50]]);
});

test("[M13] finalize is tried once: its agent is gone", async () => {
  const site = new ScriptedSite({ flaky: flaky(1) });
  const set = await site.open([stateOf("flaky")]);
  assert.deepEqual(thens(await set.detach("flaky")), [["flaky", "finalize", "skip"]]);
});
