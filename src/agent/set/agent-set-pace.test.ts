import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../../base/index.ts";
import type { Effects } from "../../stream/index.ts";
import { packValue } from "../../wire/index.ts";
import type { AgentPace } from "./agent-pace.ts";
import { consume, deliveryOf, ScriptedSite, settled, stateOf } from "./agent-set.test.support.ts";
import type { Script } from "./scripted-executor.test.support.ts";

const payload = packValue(0);
const sender: Script = {
  append: ({ argument }) => ({
    appends: Array.from({ length: Number(argument) }, () => ({ to: "bar", payload })),
    timers: [
      { agent: "a", delayMs: 0, payload },
      { agent: "a", delayMs: 9_000, payload },
    ],
  }),
};

/** What it is asked, and what it answers. */
class ScriptedPace implements AgentPace {
  readonly asked: unknown[] = [];
  pauseMs = 0;
  timerMs = 0;
  refusal: MeanderError | undefined;

  async request(owner: string, verb: string): Promise<void> {
    this.asked.push([owner, verb]);
    if (this.refusal !== undefined) throw this.refusal;
  }

  timers(owner: string, count: number): number {
    this.asked.push([owner, "timers", count]);
    return this.timerMs;
  }

  selfSends(owner: string, count: number): number {
    this.asked.push([owner, "selfSends", count]);
    return this.pauseMs;
  }

  mayLog(): boolean {
    return true;
  }
}

test("[M53] a stream that sends too much to itself waits before its next message", async () => {
  const pace = new ScriptedPace();
  const site = new ScriptedSite({ a: sender }, { pace });
  const set = await site.open([stateOf("a")]);
  const { owner } = stateOf("a").spec;
  await consume(set, deliveryOf(1, 3));
  assert.deepEqual(pace.asked.shift(), [owner, "selfSends", 3]);
  pace.pauseMs = 500;
  await consume(set, deliveryOf(2, 1));
  pace.pauseMs = 0;
  const outcomes = consume(set, deliveryOf(3, 0));
  let isOver = false;
  void outcomes.then(() => {
    isOver = true;
  });
  await settled();
  site.clock.advance(499);
  await settled();
  assert.equal(isOver, false);
  site.clock.advance(1);
  assert.deepEqual(
    (await outcomes).map(({ type }) => type),
    ["consumed"],
  );
});

test("[M53] a message that waits for the pace is interrupted like any other", async () => {
  const pace = new ScriptedPace();
  const site = new ScriptedSite({ a: sender }, { pace });
  const set = await site.open([stateOf("a")]);
  pace.pauseMs = 500;
  await consume(set, deliveryOf(1, 1));
  const outcomes = consume(set, deliveryOf(2, 1));
  await settled();
  set.interrupt();
  assert.deepEqual(
    (await outcomes).map(({ type }) => type),
    ["interrupted"],
  );
});

test("[M53] timers beyond the rate expire later, but none earlier than it was set", async () => {
  const pace = new ScriptedPace();
  const site = new ScriptedSite({ a: sender }, { pace });
  const set = await site.open([stateOf("a")]);
  pace.timerMs = 200;
  const [outcome] = await consume(set, deliveryOf(1, 0));
  const { timers } = (outcome as { readonly effects: Effects }).effects;
  assert.deepEqual(
    timers.map(({ delayMs }) => delayMs),
    [200, 9_000],
  );
});

test("[M53] requests are asked for in the owner's name, and may be refused", async () => {
  const pace = new ScriptedPace();
  const asking: Script = {
    append: async ({ host }) => {
      await host.call("detachAgent", packValue(["b", "c"]));
      return {};
    },
  };
  const site = new ScriptedSite({ a: asking }, { pace });
  const set = await site.open([stateOf("a")]);
  assert.equal((await consume(set, deliveryOf(1)))[0]?.type, "consumed");
  assert.deepEqual(pace.asked, [[stateOf("a").spec.owner, "detachAgent"]]);
  pace.refusal = new MeanderError("rate-limited", "too many");
  const [outcome] = await consume(set, deliveryOf(2));
  assert.ok(outcome?.type === "failed");
  assert.match(outcome.fault.message, /too many/);
});
