import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outcome } from "../../stream/index.ts";
import { packValue, unpackValue } from "../../wire/index.ts";
import {
  consume,
  deliveryOf,
  Gate,
  notify,
  policyOf,
  ScriptedSite,
  settled,
  stateOf,
} from "./agent-set.test.support.ts";
import type { AgentSet } from "./agent-set.ts";
import { decodeAgents } from "./agent-state-codec.ts";
import type { Deeds, Script } from "./scripted-executor.test.support.ts";

/** Adds each message to `sum`; a negative one fails after the adding. */
const counter: Script = {
  append: ({ briefcase, argument }) => {
    briefcase["sum"] = Number(briefcase["sum"] ?? 0) + Number(argument);
    if (Number(argument) < 0) throw new Error("negative");
    return { reply: briefcase["sum"] };
  },
};

function briefcases(set: AgentSet): unknown[] {
  return (decodeAgents(set.snapshot()) ?? []).map(({ briefcase }) => unpackValue(briefcase));
}

function typesOf(outcomes: readonly Outcome[]): string[] {
  return outcomes.map(({ type }) => type);
}

/** Code and message of the fault, whose it is, and what comes next. */
function failureOf(outcome: Outcome | undefined): unknown {
  assert.ok(outcome?.type === "failed");
  const { fault, then } = outcome;
  return [fault.code, fault.message, fault.agent, then];
}

function effectsOf(outcome: Outcome | undefined) {
  assert.equal(outcome?.type, "consumed");
  return outcome.effects;
}

test("one agent gets a whole batch, and each message commits by itself", async () => {
  const site = new ScriptedSite({ counter });
  const set = await site.open([stateOf("counter", { sum: 1 })]);
  assert.equal(set.batchMax, 64);
  const sums: unknown[] = [];
  set.consume([deliveryOf(1), deliveryOf(2), deliveryOf(3)], (index, outcome) => {
    sums.push([index, briefcases(set), unpackValue(effectsOf(outcome).reply ?? packValue(0))]);
    assert.equal(effectsOf(outcome).changed, true);
    assert.equal(effectsOf(outcome).handled, true);
  });
  assert.deepEqual(sums, [
    [0, [{ sum: 2 }], 2],
    [1, [{ sum: 4 }], 4],
    [2, [{ sum: 7 }], 7],
  ]);
  assert.deepEqual(site.executor.last.batches, [3]);
});

test("a handler knows the message it is called for", async () => {
  const seen: unknown[] = [];
  const site = new ScriptedSite({ a: { append: ({ message }) => void seen.push(message) } });
  const set = await site.open([stateOf("a")]);
  await consume(set, deliveryOf(17, "hello", 2));
  assert.deepEqual(seen, [{ id: "foo>bar#17", from: "foo", attempt: 2 }]);
});

test("a message that changes nothing reports that, and the snapshot stays the same bytes", async () => {
  const site = new ScriptedSite({ idle: { append: () => undefined } });
  const set = await site.open([stateOf("idle", { a: 1 })]);
  const before = set.snapshot();
  const [outcome] = await consume(set, deliveryOf(1));
  assert.equal(effectsOf(outcome).changed, false);
  assert.equal(effectsOf(outcome).reply, undefined);
  assert.equal(set.snapshot(), before);
});

test("a failure leaves the briefcase, and interrupts the rest of the batch", async () => {
  const site = new ScriptedSite({ counter });
  const set = await site.open([stateOf("counter", { sum: 1 })]);
  const outcomes = await consume(set, deliveryOf(1), deliveryOf(2, -1), deliveryOf(3));
  assert.deepEqual(typesOf(outcomes), ["consumed", "failed", "interrupted"]);
  assert.deepEqual(failureOf(outcomes[1]), [
    "handler-failed",
    "negative",
    "counter",
    { type: "retry", afterMs: 50 },
  ]);
  assert.deepEqual(briefcases(set), [{ sum: 2 }]);
  const [retried] = await consume(set, deliveryOf(2, 5, 2));
  assert.equal(retried?.type, "consumed");
  assert.deepEqual(briefcases(set), [{ sum: 7 }]);
});

test("the last attempt ends as the agent's policy says", async () => {
  const site = new ScriptedSite({ counter });
  const onError = policyOf(1, 5, "halt");
  const set = await site.open([stateOf("counter", {}, { onError })]);
  const [outcome] = await consume(set, deliveryOf(1, -1, 2));
  assert.deepEqual(outcome?.type === "failed" && outcome.then, { type: "halt" });
});

test("without an append handler messages are consumed, unhandled", async () => {
  const site = new ScriptedSite({ quiet: { arrival: () => undefined } });
  const set = await site.open([stateOf("quiet")]);
  const outcomes = await consume(set, deliveryOf(1), deliveryOf(2));
  assert.deepEqual(
    outcomes.map((outcome) => effectsOf(outcome).handled),
    [false, false],
  );
});

test("what was not begun is interrupted", async () => {
  const gate = new Gate();
  const site = new ScriptedSite({ slow: { append: () => gate.promise.then(() => undefined) } });
  const set = await site.open([stateOf("slow")]);
  const outcomes = consume(set, deliveryOf(1), deliveryOf(2));
  set.interrupt();
  gate.open();
  assert.deepEqual(typesOf(await outcomes), ["consumed", "interrupted"]);
});

test("the next batch may be given while the last outcome is reported", async () => {
  const site = new ScriptedSite({ counter });
  const set = await site.open([stateOf("counter")]);
  let seq = 0;
  const gate = new Gate();
  const next = () => {
    if (seq === 5) return gate.open();
    seq++;
    set.consume([deliveryOf(seq)], next);
  };
  next();
  await gate.promise;
  assert.deepEqual(briefcases(set), [{ sum: 15 }]);
});

test("several agents get one message at once, and commit together in their order", async () => {
  const slow = new Gate();
  const deeds = (agent: string): Deeds => ({
    appends: [{ to: "out", payload: packValue(agent) }],
    timers: [{ agent, delayMs: 1, payload: packValue(1) }],
    relocate: agent,
    ...(agent === "a" ? {} : { reply: agent }),
  });
  const site = new ScriptedSite({
    a: { append: () => slow.promise.then(() => deeds("a")) },
    b: { append: () => deeds("b") },
    c: { append: () => deeds("c") },
  });
  const set = await site.open(["a", "b", "c"].map((name) => stateOf(name)));
  assert.equal(set.batchMax, 1);
  const outcomes = consume(set, deliveryOf(1));
  slow.open();
  const effects = effectsOf((await outcomes)[0]);
  assert.deepEqual(
    effects.appends.map(({ payload }) => unpackValue(payload)),
    ["a", "b", "c"],
  );
  assert.deepEqual(
    effects.timers.map(({ agent }) => agent),
    ["a", "b", "c"],
  );
  assert.equal(effects.relocate, "c");
  assert.equal(unpackValue(effects.reply ?? packValue(0)), "b");
});

test("when one of several fails, it never happened for the others", async () => {
  const site = new ScriptedSite({
    counter,
    adder: {
      append: ({ briefcase, argument }) => {
        briefcase["all"] = [...((briefcase["all"] as unknown[]) ?? []), argument];
        return { appends: [{ to: "out", payload: packValue(argument) }] };
      },
    },
  });
  const onError = policyOf(0, 1, "skip");
  const set = await site.open([stateOf("adder"), stateOf("counter", {}, { onError })]);
  await consume(set, deliveryOf(1, 1));
  const [outcome] = await consume(set, deliveryOf(2, -7));
  assert.deepEqual(failureOf(outcome), ["handler-failed", "negative", "counter", { type: "skip" }]);
  assert.deepEqual(briefcases(set), [{ all: [1] }, { sum: 1 }]);
  await consume(set, deliveryOf(3, 3));
  assert.deepEqual(briefcases(set), [{ all: [1, 3] }, { sum: 4 }]);
});

test("an agent that exits gets no more messages, and the rest of its batch comes again", async () => {
  const site = new ScriptedSite({
    once: {
      append: ({ briefcase, argument }) => {
        briefcase["got"] = argument;
        return { exits: true };
      },
    },
  });
  const set = await site.open([stateOf("once")]);
  const outcomes = await consume(set, deliveryOf(1), deliveryOf(2));
  assert.deepEqual(typesOf(outcomes), ["consumed", "interrupted"]);
  assert.deepEqual(briefcases(set), [{ got: 1 }]);
  assert.deepEqual(site.exits, ["once"]);
  const [again] = await consume(set, deliveryOf(2));
  assert.equal(effectsOf(again).handled, false);
});

test("what an agent did after it had left is void", async () => {
  const site = new ScriptedSite({
    once: {
      append: ({ briefcase, argument }) => {
        briefcase["got"] = argument;
        return { exits: true };
      },
    },
  });
  const set = await site.open([stateOf("once")]);
  // An executor that learns of the interruption only after the batch.
  site.executor.last.interrupt = () => {};
  const outcomes = await consume(set, deliveryOf(1), deliveryOf(2), deliveryOf(3));
  assert.deepEqual(typesOf(outcomes), ["consumed", "interrupted", "interrupted"]);
  assert.deepEqual(briefcases(set), [{ got: 1 }]);
  assert.deepEqual(site.executor.last.briefcase, { got: 1 });
  assert.deepEqual(site.exits, ["once"]);
});

test("an instance that ended fails its message, and is started again from what was committed", async () => {
  const site = new ScriptedSite({
    counter: {
      append: ({ briefcase, argument, local, instance }) => {
        local["n"] = 1;
        briefcase["sum"] = Number(briefcase["sum"] ?? 0) + Number(argument);
        if (argument !== 13) return undefined;
        queueMicrotask(() => instance.end("handler-deadline"));
        return new Promise(() => {});
      },
    },
  });
  const set = await site.open([stateOf("counter")]);
  const outcomes = await consume(set, deliveryOf(1), deliveryOf(2, 13), deliveryOf(3));
  assert.deepEqual(typesOf(outcomes), ["consumed", "failed", "interrupted"]);
  const [next] = await consume(set, deliveryOf(3));
  assert.equal(next?.type, "consumed");
  assert.equal(site.executor.instances.length, 2);
  assert.equal(site.executor.instances[0]?.isClosed, true);
  assert.deepEqual(briefcases(set), [{ sum: 4 }]);
});

test("the next message may be given in the very turn in which an instance ends", async () => {
  const site = new ScriptedSite({
    stuck: { append: ({ argument }) => (argument === 1 ? new Promise(() => {}) : undefined) },
  });
  const set = await site.open([stateOf("stuck")]);
  const second = new Gate<Outcome>();
  set.consume([deliveryOf(1)], () => {
    set.consume([deliveryOf(2)], (_, outcome) => second.open(outcome));
  });
  site.executor.last.end("handler-deadline");
  assert.equal((await second.promise).type, "consumed");
  assert.equal(site.executor.instances.length, 2);
});

test("the agent that was too slow is held responsible for the message, not the one that ended with it", async () => {
  const never = () => new Promise<undefined>(() => {});
  const site = new ScriptedSite({ innocent: { append: never }, guilty: { append: never } });
  const set = await site.open([
    stateOf("innocent", {}, { onError: policyOf(0, 1, "halt") }),
    stateOf("guilty", {}, { onError: policyOf(0, 1, "skip") }),
  ]);
  const outcomes = consume(set, deliveryOf(1));
  site.executor.instances[0]?.end("executor-failed");
  site.executor.instances[1]?.end("handler-deadline");
  const [outcome] = await outcomes;
  assert.ok(outcome?.type === "failed");
  assert.equal(outcome.fault.agent, "guilty");
  assert.deepEqual(outcome.then, { type: "skip" });
});

test("a message waits for an agent that does not start, and costs it no attempt", async () => {
  const site = new ScriptedSite({ counter });
  const set = await site.open([stateOf("counter")]);
  site.executor.last.end("executor-failed");
  site.executor.failingStarts = 2;
  await settled();
  const outcomes = consume(set, deliveryOf(1));
  await settled();
  assert.deepEqual(site.clock.pending, ["agent start"]);
  site.clock.advance(100);
  await settled();
  assert.equal(site.executor.instances.length, 1);
  site.clock.advance(200);
  assert.deepEqual(typesOf(await outcomes), ["consumed"]);
  assert.deepEqual(
    site.faults.map(({ code, agent, during }) => [code, agent, during]),
    [
      ["executor-failed", "counter", "start"],
      ["executor-failed", "counter", "start"],
    ],
  );
});

test("a message that waits for an agent to start can be interrupted", async () => {
  const site = new ScriptedSite({ counter });
  const set = await site.open([stateOf("counter")]);
  site.executor.last.end("executor-failed");
  site.executor.failingStarts = 1;
  await settled();
  const outcomes = consume(set, deliveryOf(1), deliveryOf(2));
  await settled();
  set.interrupt();
  assert.deepEqual(typesOf(await outcomes), ["interrupted", "interrupted"]);
  assert.deepEqual(site.clock.pending, []);
  await notify(set, { type: "departure", to: "south" });
  assert.deepEqual(typesOf(await consume(set, deliveryOf(1))), ["consumed"]);
});

test("after close nothing is reported", async () => {
  const gate = new Gate();
  const site = new ScriptedSite({ slow: { append: () => gate.promise.then(() => undefined) } });
  const set = await site.open([stateOf("slow")]);
  let told = 0;
  set.consume([deliveryOf(1)], () => void told++);
  set.close();
  gate.open();
  await settled();
  assert.equal(told, 0);
  assert.equal(site.executor.last.isClosed, true);
  assert.equal(site.siteAgents.waitingCount, 0);
});

test("a synchronous append of a handler says which streams wait for its message", async () => {
  const site = new ScriptedSite({
    asker: {
      append: async ({ host }) => {
        const payload = packValue("ping");
        const request = { stream: "baz", payload, until: "consumed", timeoutMs: 100 };
        const answer = unpackValue(await host.call("append", packValue([request])));
        return { reply: unpackValue((answer as { reply: Uint8Array }).reply) };
      },
      arrival: async ({ host }) => {
        await host.call(
          "append",
          packValue([{ stream: "baz", payload: packValue(0), until: "consumed", timeoutMs: 1 }]),
        );
        return undefined;
      },
    },
  });
  const set = await site.open([stateOf("asker")]);
  const [outcome] = await consume(set, deliveryOf(1));
  assert.equal(unpackValue(effectsOf(outcome).reply ?? packValue(0)), "pong");
  await notify(set, { type: "arrival", from: "south" });
  assert.deepEqual(
    site.appended.map(({ chain }) => chain),
    [[7, 9, 2], [2]],
  );
});
