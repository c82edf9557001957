import assert from "node:assert/strict";
import { test } from "node:test";
import { stateOf } from "./network.ts";
import { channelRateIn } from "./rates.ts";
import {
  answer,
  networkAfter,
  sampleChannel,
  sampleRecord,
  sampleSession,
  sampleView,
  silence,
} from "./sample-views.ts";

const listed = { type: "session-answered", view: sampleSession(["origin", "south"]) } as const;

test("a listed site waits, then leads or is up", () => {
  const first = networkAfter([listed]);
  assert.equal(stateOf(first, "south").state, "waiting");
  const second = networkAfter(
    [answer(sampleView("origin", 1)), answer(sampleView("south", 1))],
    first,
  );
  assert.equal(stateOf(second, "origin").state, "leader");
  assert.equal(stateOf(second, "south").state, "up");
});

test("a site is suspected after one missed answer and down after two, and tells why", () => {
  const up = networkAfter([listed, answer(sampleView("south", 1))]);
  const once = networkAfter([silence("south")], up);
  assert.deepEqual(stateOf(once, "south"), { state: "suspected", reason: "no answer" });
  const twice = networkAfter([silence("south")], once);
  assert.deepEqual(stateOf(twice, "south"), { state: "down", reason: "no answer" });
  assert.equal(stateOf(networkAfter([answer(sampleView("south", 9))], twice), "south").state, "up");
});

test("a site that never answered is down at the first miss", () => {
  assert.equal(stateOf(networkAfter([listed, silence("south")]), "south").state, "down");
});

test("a site stays known when its lease is gone, and is down when it is silent too", () => {
  const network = networkAfter([
    listed,
    answer(sampleView("south", 1)),
    { type: "session-answered", view: sampleSession(["origin"]) },
  ]);
  assert.equal(stateOf(network, "south").state, "suspected");
  const silent = networkAfter([silence("south"), silence("south")], network);
  assert.deepEqual(stateOf(silent, "south"), {
    state: "down",
    reason: "no answer, lease gone",
  });
});

test("a site that a neighbour suspects is suspected, unless the neighbour itself is silent", () => {
  const peer = {
    name: "south",
    role: "site",
    stack: "frag:udp",
    address: "127.0.0.1:1",
    state: "suspected",
    direction: "out",
    counts: {},
    rttMs: undefined,
  } as const;
  const network = networkAfter([
    listed,
    answer(sampleView("south", 1)),
    answer(sampleView("origin", 1, [], { peers: [peer] })),
  ]);
  assert.deepEqual(stateOf(network, "south"), {
    state: "suspected",
    reason: "origin does not hear it",
  });
  assert.equal(stateOf(networkAfter([silence("origin")], network), "south").state, "up");
});

test("a restarted site has no rates across the restart", () => {
  const before = sampleChannel({ bytesIn: 100, packetsIn: 1 });
  const after = sampleChannel({ bytesIn: 300, packetsIn: 3 });
  const running = networkAfter([
    listed,
    answer(sampleView("south", 1_000, [before])),
    answer(sampleView("south", 2_000, [after])),
  ]);
  const south = running.sites.get("south");
  assert.ok(south);
  assert.equal(channelRateIn(south, "clip")?.packetsPerSecond, 2);
  assert.deepEqual(south.history, [1_600]);
  const again = sampleRecord("south", { instance: 2 });
  const restarted = networkAfter([answer(sampleView(again, 3_000, [after]))], running).sites.get(
    "south",
  );
  assert.ok(restarted);
  assert.equal(channelRateIn(restarted, "clip"), undefined);
});

test("what is remembered is bounded: bit rates, and sites that left", () => {
  const polls = Array.from({ length: 200 }, (_, index) => answer(sampleView("south", index)));
  assert.equal(networkAfter([listed, ...polls]).sites.get("south")?.history.length, 60);
  const sessions = Array.from({ length: 200 }, (_, index) => ({
    type: "session-answered" as const,
    view: sampleSession([`site-${index}`]),
  }));
  const { sites } = networkAfter(sessions);
  assert.equal(sites.size, 65);
  assert.ok(sites.has("site-199") && sites.has("site-135") && !sites.has("site-134"));
});

test("a report from a site that is not listed is ignored", () => {
  assert.equal(networkAfter([listed, answer(sampleView("stranger", 1))]).sites.size, 2);
});
