import assert from "node:assert/strict";
import { test } from "node:test";
import { SILENT } from "../../base/index.ts";
import { packValue, unpackValue } from "../../wire/index.ts";
import { consume, deliveryOf, notify, ScriptedSite, stateOf } from "./agent-set.test.support.ts";
import type { AgentSet } from "./agent-set.ts";
import { codeOf, type Script } from "./scripted-executor.test.support.ts";
import { SiteAgents } from "./site-agents.ts";

/** Counts its messages in `local`, and logs the count. */
function visitor(log: string[]): Script {
  return {
    init: ({ local }) => {
      log.push("init");
      local["calls"] = 0;
      return undefined;
    },
    append: ({ briefcase, local }) => {
      local["calls"] = Number(local["calls"]) + 1;
      return { reply: [local["calls"], briefcase["stamp"]] };
    },
    finalize: ({ briefcase }) => {
      log.push(`finalize ${String(briefcase["stamp"])}`);
      return undefined;
    },
  };
}

async function ask(set: AgentSet): Promise<unknown> {
  const [outcome] = await consume(set, deliveryOf(1));
  assert.ok(outcome?.type === "consumed");
  return unpackValue(outcome.effects.reply ?? packValue(undefined));
}

test("an agent that returns finds its local state, with the briefcase it brings, and no init", async () => {
  const log: string[] = [];
  const site = new ScriptedSite({ visitor: visitor(log) });
  const first = await site.open([stateOf("visitor", { stamp: 1 })]);
  assert.deepEqual(await ask(first), [1, 1]);
  first.close();
  const second = await site.open([stateOf("visitor", { stamp: 2 })]);
  assert.deepEqual(await ask(second), [2, 2]);
  assert.deepEqual(log, ["init"]);
  assert.equal(site.executor.instances.length, 1);
});

test("an arrival that was aborted leaves no trace: init runs when the stream really comes", async () => {
  const log: string[] = [];
  const site = new ScriptedSite({ visitor: visitor(log) });
  const aborted = await site.open([stateOf("visitor")]);
  aborted.close();
  assert.equal(site.siteAgents.waitingCount, 0);
  await site.open([stateOf("visitor")]);
  assert.deepEqual(log, ["init", "init"]);
});

test("an aborted return keeps what is there from the visit before", async () => {
  const log: string[] = [];
  const site = new ScriptedSite({ visitor: visitor(log) });
  const first = await site.open([stateOf("visitor", { stamp: 1 })]);
  await ask(first);
  first.close();
  (await site.open([stateOf("visitor", { stamp: 2 })])).close();
  const third = await site.open([stateOf("visitor", { stamp: 3 })]);
  assert.deepEqual(await ask(third), [2, 3]);
  assert.deepEqual(log, ["init"]);
});

test("an agent whose handler was replaced elsewhere returns with the new one", async () => {
  const log: string[] = [];
  const site = new ScriptedSite({ visitor: visitor(log), other: { append: () => ({ reply: 0 }) } });
  const first = await site.open([stateOf("visitor")]);
  await ask(first);
  first.close();
  const replaced = { append: codeOf("other") };
  const second = await site.open([stateOf("visitor", {}, { replaced })]);
  assert.equal(await ask(second), 0);
  assert.equal(site.executor.instances.length, 1);
});

test("another agent of the same name is another agent", async () => {
  const log: string[] = [];
  const site = new ScriptedSite({ visitor: visitor(log), other: visitor(log) });
  const first = await site.open([stateOf("visitor")]);
  await ask(first);
  first.close();
  const second = await site.open([stateOf("visitor", {}, { code: codeOf("other") })]);
  assert.deepEqual(await ask(second), [1, undefined]);
  assert.deepEqual(log, ["init", "init"]);
  assert.equal(site.executor.instances[0]?.isClosed, true);
});

test("an instance that ended in the meantime is started again, without init", async () => {
  const log: string[] = [];
  const site = new ScriptedSite({ visitor: visitor(log) });
  const first = await site.open([stateOf("visitor")]);
  await ask(first);
  first.close();
  site.executor.last.end("executor-failed");
  await Promise.resolve();
  await site.open([stateOf("visitor")]);
  assert.deepEqual([log, site.executor.instances.length], [["init"], 2]);
});

test("what is there is finalized and forgotten, and a later visit is a first one", async () => {
  const log: string[] = [];
  const site = new ScriptedSite({ visitor: visitor(log), plain: {} });
  const set = await site.open([stateOf("visitor", { stamp: 7 }), stateOf("plain")]);
  await notify(set, { type: "arrival", from: "x" });
  set.close();
  assert.deepEqual(await site.siteAgents.forget(2, "visitor"), {
    finalized: ["visitor"],
    skipped: [],
  });
  assert.deepEqual(log, ["init", "finalize 7"]);
  assert.deepEqual(await site.siteAgents.forget(2), { finalized: ["plain"], skipped: [] });
  assert.equal(site.siteAgents.waitingCount, 0);
  assert.ok(site.executor.instances.every(({ isClosed }) => isClosed));
  await site.open([stateOf("visitor")]);
  assert.equal(log.at(-1), "init");
});

test("a finalize handler that fails is reported as skipped", async () => {
  const site = new ScriptedSite({
    bad: {
      finalize: () => {
        throw new Error("no");
      },
    },
  });
  const set = await site.open([stateOf("bad")]);
  await notify(set, { type: "arrival", from: "x" });
  set.close();
  assert.deepEqual(await site.siteAgents.forget(2), { finalized: [], skipped: ["bad"] });
});

test("agents whose stream is here, and other streams' agents, are not touched", async () => {
  const log: string[] = [];
  const site = new ScriptedSite({ visitor: visitor(log) });
  const set = await site.open([stateOf("visitor")]);
  await ask(set);
  assert.deepEqual(await site.siteAgents.forget(2), { finalized: [], skipped: [] });
  set.close();
  assert.deepEqual(await site.siteAgents.forget(22), { finalized: [], skipped: [] });
  assert.equal(site.siteAgents.waitingCount, 1);
  (await site.open([stateOf("visitor")])).close();
  assert.deepEqual(log, ["init"]);
});

test("of the instances that wait the oldest go first; init still does not run again", async () => {
  const log: string[] = [];
  const siteAgents = new SiteAgents({ log: SILENT, instancesMax: 2 });
  const scripts = { visitor: visitor(log) };
  const sites = [1, 2, 3].map(
    (id) => new ScriptedSite(scripts, { siteAgents, stream: { name: `s${id}`, id } }),
  );
  for (const site of sites) {
    const set = await site.open([stateOf("visitor")]);
    await ask(set);
    set.close();
  }
  assert.equal(siteAgents.waitingCount, 2);
  assert.deepEqual(
    sites.map(({ executor }) => executor.last.isClosed),
    [true, false, false],
  );
  await sites[0]?.open([stateOf("visitor")]);
  assert.deepEqual(log, ["init", "init", "init"]);
  assert.deepEqual(await siteAgents.forget(2), { finalized: ["visitor"], skipped: [] });
});

test("visits are forgotten when there are too many, the oldest first", async () => {
  const log: string[] = [];
  const siteAgents = new SiteAgents({ log: SILENT, visitsMax: 1 });
  const scripts = { visitor: visitor(log) };
  for (const id of [1, 2, 1]) {
    const site = new ScriptedSite(scripts, { siteAgents, stream: { name: `s${id}`, id } });
    const set = await site.open([stateOf("visitor")]);
    await ask(set);
    set.close();
  }
  assert.deepEqual(log, ["init", "init", "init"]);
  assert.equal(siteAgents.waitingCount, 1);
});

test("a stream that returns before its departure was noticed gets a new instance", async () => {
  const log: string[] = [];
  const site = new ScriptedSite({ visitor: visitor(log) });
  const stale = await site.open([stateOf("visitor")]);
  await ask(stale);
  const returned = await site.open([stateOf("visitor")]);
  await ask(returned);
  stale.close();
  assert.equal(site.executor.instances[0]?.isClosed, true);
  returned.close();
  assert.equal(site.siteAgents.waitingCount, 1);
  assert.deepEqual(log, ["init"]);
});

test("when the site stops the instances are closed without finalize", async () => {
  const log: string[] = [];
  const site = new ScriptedSite({ visitor: visitor(log) });
  const set = await site.open([stateOf("visitor")]);
  await ask(set);
  set.close();
  site.siteAgents.close();
  assert.equal(site.executor.last.isClosed, true);
  assert.deepEqual(log, ["init"]);
});
