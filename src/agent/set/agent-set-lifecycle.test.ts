import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../../base/index.ts";
import type { Effects } from "../../stream/index.ts";
import { packValue, unpackValue } from "../../wire/index.ts";
import {
  consume,
  deliveryOf,
  Gate,
  notify,
  ScriptedSite,
  settled,
  specOf,
  stateOf,
} from "./agent-set.test.support.ts";
import type { AgentSet } from "./agent-set.ts";
import { decodeAgents, encodeAgents } from "./agent-state-codec.ts";
import { codeOf, type Script } from "./scripted-executor.test.support.ts";

const say = (text: string) => ({ to: "out", payload: packValue(text) });

/** Sends each event's name, and keeps it. */
const chatty: Script = Object.fromEntries(
  ["init", "arrival", "failure", "timer", "agentAttached", "agentDetached", "finalize"].map(
    (event) => [
      event,
      ({ briefcase, argument }) => {
        briefcase["last"] = [event, argument];
        return { appends: [say(event)], reply: event };
      },
    ],
  ) as [keyof Script, Script["init"]][],
);

function said({ appends }: Effects): unknown[] {
  return appends.map(({ payload }) => unpackValue(payload));
}

function briefcaseOf(set: AgentSet, name: string): unknown {
  const state = set.agents.find(({ spec }) => spec.name === name);
  return state === undefined ? undefined : unpackValue(state.briefcase);
}

test("init runs before anything else, and what it sends goes with the first effects", async () => {
  const site = new ScriptedSite({ chatty });
  const set = await site.open([stateOf("chatty")]);
  assert.deepEqual(briefcaseOf(set, "chatty"), { last: ["init", undefined] });
  const effects = await notify(set, { type: "arrival", from: "south" });
  assert.deepEqual(said(effects), ["init", "arrival"]);
  assert.equal(effects.reply, undefined);
  assert.equal(effects.changed, true);
  assert.deepEqual(briefcaseOf(set, "chatty"), { last: ["arrival", { from: "south" }] });
});

test("effects of init may go with a message that has no handler", async () => {
  const site = new ScriptedSite({ chatty });
  const set = await site.open([stateOf("chatty")]);
  const [outcome] = await consume(set, deliveryOf(1));
  assert.ok(outcome?.type === "consumed");
  assert.deepEqual([said(outcome.effects), outcome.effects.handled], [["init"], false]);
});

test("an event goes to every agent that handles it; one that fails changes nothing", async () => {
  const site = new ScriptedSite({
    chatty,
    broken: {
      arrival: ({ briefcase }) => {
        briefcase["broken"] = true;
        throw new Error("no");
      },
    },
    deaf: {},
  });
  const set = await site.open([stateOf("broken"), stateOf("chatty"), stateOf("deaf")]);
  const effects = await notify(set, { type: "arrival", from: "south" });
  assert.deepEqual(said(effects), ["init", "arrival"]);
  assert.deepEqual(briefcaseOf(set, "broken"), {});
  assert.deepEqual(site.faults, [
    { code: "handler-failed", message: "no", agent: "broken", during: "arrival" },
  ]);
  const again = await notify(set, { type: "arrival", from: "south" });
  assert.deepEqual(said(again), ["arrival"]);
});

test("an event without a handler is done at once", async () => {
  const site = new ScriptedSite({ deaf: {} });
  const set = await site.open([stateOf("deaf")]);
  let effects: Effects | undefined;
  set.notify({ type: "siteJoined", site: "east" }, (got) => {
    effects = got;
  });
  assert.equal(effects?.changed, false);
});

test("a timer is only for the agent that set it", async () => {
  const site = new ScriptedSite({ chatty, other: chatty });
  const set = await site.open([stateOf("chatty"), stateOf("other")]);
  await notify(set, { type: "timer", agent: "other", payload: packValue("tick") });
  assert.deepEqual(briefcaseOf(set, "other"), { last: ["timer", "tick"] });
  assert.deepEqual(briefcaseOf(set, "chatty"), { last: ["init", undefined] });
});

test("an agent that ended is started again for an event, and left out when it does not start", async () => {
  const site = new ScriptedSite({ chatty });
  const set = await site.open([stateOf("chatty")]);
  await notify(set, { type: "arrival", from: "a" });
  site.executor.last.end("executor-failed");
  await settled();
  site.executor.failingStarts = 1;
  assert.deepEqual(said(await notify(set, { type: "arrival", from: "b" })), []);
  assert.equal(site.faults[0]?.during, "start");
  assert.deepEqual(said(await notify(set, { type: "arrival", from: "c" })), ["arrival"]);
  assert.equal(site.executor.instances.length, 2);
});

test("attaching runs init and informs the others", async () => {
  const site = new ScriptedSite({ chatty, other: chatty });
  const set = await site.open([stateOf("other")]);
  const before = set.snapshot();
  const effects = await set.attach(specOf("chatty"), packValue({ start: 1 }));
  assert.deepEqual(said(effects).sort(), ["agentAttached", "init", "init"]);
  assert.equal(effects.changed, true);
  assert.deepEqual(briefcaseOf(set, "other"), { last: ["agentAttached", { agent: "chatty" }] });
  assert.deepEqual(briefcaseOf(set, "chatty"), { start: 1, last: ["init", undefined] });
  assert.notEqual(set.snapshot(), before);
  assert.deepEqual(encodeAgents(set.agents), set.snapshot());
  await assert.rejects(set.attach(specOf("chatty"), packValue({})), { code: "agent-exists" });
});

test("nothing stays of an agent whose init fails", async () => {
  const site = new ScriptedSite({
    bad: {
      init: () => {
        throw new Error("no disk");
      },
    },
  });
  const set = await site.open([]);
  await assert.rejects(set.attach(specOf("bad"), packValue({})), (error: MeanderError) => {
    assert.equal(error.code, "agent-init-failed");
    assert.match(error.message, /bar\/bad, init handler: no disk/);
    return true;
  });
  assert.deepEqual(set.agents, []);
  assert.equal(site.executor.last.isClosed, true);
});

test("an agent that attaches as the second message receiver makes batches single", async () => {
  const taking: Script = { append: () => undefined };
  const site = new ScriptedSite({ one: taking, two: taking });
  const set = await site.open([stateOf("one")]);
  assert.equal(set.batchMax, 64);
  await set.attach(specOf("two"), packValue({}));
  assert.equal(set.batchMax, 1);
  await set.detach("one");
  assert.equal(set.batchMax, 64);
});

test("detaching runs finalize, closes the instance, and informs the others", async () => {
  const site = new ScriptedSite({ chatty, other: chatty });
  const set = await site.open([stateOf("chatty"), stateOf("other")]);
  await notify(set, { type: "arrival", from: "a" });
  const effects = await set.detach("chatty");
  assert.deepEqual(said(effects), ["finalize", "agentDetached"]);
  assert.deepEqual(
    set.agents.map(({ spec }) => spec.name),
    ["other"],
  );
  assert.equal(site.executor.instances[0]?.isClosed, true);
  await assert.rejects(set.detach("chatty"), { code: "agent-unknown" });
});

test("a replaced handler is used from then on and travels with the spec", async () => {
  const site = new ScriptedSite({
    old: { append: () => ({ reply: "old" }) },
    fresh: { append: () => ({ reply: "fresh" }) },
  });
  const set = await site.open([stateOf("old")]);
  await set.replaceHandler("old", "append", codeOf("fresh"));
  const [outcome] = await consume(set, deliveryOf(1));
  assert.ok(outcome?.type === "consumed");
  assert.equal(unpackValue(outcome.effects.reply ?? packValue(0)), "fresh");
  const [state] = decodeAgents(set.snapshot()) ?? [];
  assert.deepEqual(state?.spec.replaced, { append: codeOf("fresh") });
  await set.replaceHandler("old", "append", null);
  const [unhandled] = await consume(set, deliveryOf(2));
  assert.equal(unhandled?.type === "consumed" && unhandled.effects.handled, false);
});

test("code that is not a handler leaves the old one in place", async () => {
  const site = new ScriptedSite({ old: { append: () => ({ reply: "old" }) }, none: {} });
  const set = await site.open([stateOf("old")]);
  const before = set.snapshot();
  await assert.rejects(set.replaceHandler("old", "append", codeOf("none")), {
    code: "code-invalid",
  });
  assert.equal(set.snapshot(), before);
  const [outcome] = await consume(set, deliveryOf(1));
  assert.ok(outcome?.type === "consumed");
  assert.equal(unpackValue(outcome.effects.reply ?? packValue(0)), "old");
});

test("replaced handlers are started with their agent", async () => {
  const site = new ScriptedSite({ old: { append: () => ({ reply: 1 }) }, fresh: chatty });
  const replaced = { append: null, arrival: codeOf("fresh") };
  await site.open([stateOf("old", {}, { replaced })]);
  assert.deepEqual([...site.executor.last.handlers], ["arrival"]);
});

test("a set opens from a snapshot, and gives the same bytes back", async () => {
  const site = new ScriptedSite({ a: {}, b: {} });
  const bytes = encodeAgents([stateOf("a", { x: new Map([[1, 2]]) }), stateOf("b")]);
  const set = await site.open(bytes);
  assert.equal(set.snapshot(), bytes);
  await assert.rejects(site.open(bytes.subarray(1)), { code: "state-malformed" });
});

test("when one agent cannot be started none is, and the error says which", async () => {
  const site = new ScriptedSite({ chatty });
  await assert.rejects(
    site.open([stateOf("chatty"), stateOf("missing", {}, { code: codeOf("missing") })]),
    (error: MeanderError) => {
      assert.equal(error.code, "directory-blob-missing");
      assert.match(error.message, /bar\/missing/);
      return true;
    },
  );
  assert.equal(site.executor.last.isClosed, true);
  assert.equal(site.siteAgents.waitingCount, 0);
});

test("a site that has no executor of the kind refuses the agent", async () => {
  const site = new ScriptedSite({ a: {} });
  const open = () => site.open([stateOf("a", {}, { isolation: "process" })]);
  await assert.rejects(open, { code: "isolation-refused" });
});

test("a refusal by the site's policy keeps its reason", async () => {
  const isolationOf = () => {
    throw new MeanderError("isolation-refused", "not for shell-1");
  };
  const site = new ScriptedSite({ a: {} }, { isolationOf });
  await assert.rejects(site.open([stateOf("a")]), /bar\/a: not for shell-1/);
});

test("an agent that exits in an event or in init is reported after the effects", async () => {
  const site = new ScriptedSite({
    brief: { init: () => ({ exits: true }) },
    later: { arrival: () => ({ exits: true }) },
  });
  const set = await site.open([stateOf("brief"), stateOf("later")]);
  assert.deepEqual(site.exits, []);
  let exitsBefore: string[] = [];
  set.notify({ type: "arrival", from: "a" }, () => {
    exitsBefore = [...site.exits];
  });
  assert.deepEqual([exitsBefore, site.exits], [["brief"], ["brief", "later"]]);
});

test("destroying runs all finalize handlers, and leaves nothing at the site", async () => {
  const site = new ScriptedSite({ chatty, other: chatty });
  const set = await site.open([stateOf("chatty"), stateOf("other")]);
  await notify(set, { type: "arrival", from: "a" });
  assert.deepEqual(said(await set.destroy()), ["finalize", "finalize"]);
  assert.deepEqual(
    site.executor.instances.map(({ isClosed }) => isClosed),
    [true, true],
  );
  set.close();
  assert.equal(site.siteAgents.waitingCount, 0);
  assert.deepEqual(await site.siteAgents.forget(2), { finalized: [], skipped: [] });
});

test("output and calls go through the stream while it is here, and not after", async () => {
  const site = new ScriptedSite({ a: {} });
  const set = await site.open([stateOf("a")]);
  await notify(set, { type: "arrival", from: "x" });
  let host: { log(line: string): void; call: (v: string, a: Uint8Array) => Promise<Uint8Array> };
  const spied = new ScriptedSite({
    a: {
      arrival: (call) => {
        host = call.host;
        host.log("hello");
        return undefined;
      },
    },
  });
  const other = await spied.open([stateOf("a")]);
  await notify(other, { type: "arrival", from: "x" });
  other.close();
  assert.deepEqual(spied.output, ["a: hello"]);
  await assert.rejects(() => host.call("stream", packValue(["bar"])), { code: "stream-elsewhere" });
});

test("an agent that is being attached when the stream leaves is not attached", async () => {
  const gate = new Gate();
  const site = new ScriptedSite({ slow: { init: () => gate.promise.then(() => undefined) } });
  const set = await site.open([]);
  const attached = set.attach(specOf("slow"), packValue({}));
  await settled();
  set.close();
  gate.open();
  await assert.rejects(attached, { code: "stream-elsewhere" });
  assert.equal(site.executor.last.isClosed, true);
});

test("a detachment under way fails when the stream leaves", async () => {
  const site = new ScriptedSite({ slow: { finalize: () => new Promise(() => {}) } });
  const set = await site.open([stateOf("slow")]);
  const detached = set.detach("slow");
  set.close();
  await assert.rejects(detached, { code: "stream-elsewhere" });
});

test("closing during an event leaves the agent that runs it behind", async () => {
  const gate = new Gate();
  const site = new ScriptedSite({
    slow: { arrival: () => gate.promise.then(() => undefined) },
    idle: {},
  });
  const set = await site.open([stateOf("slow"), stateOf("idle")]);
  set.notify({ type: "arrival", from: "x" }, () => assert.fail("reported after close"));
  set.close();
  gate.open();
  await settled();
  assert.deepEqual(
    site.executor.instances.map(({ isClosed }) => isClosed),
    [true, false],
  );
  assert.equal(site.siteAgents.waitingCount, 1);
});
