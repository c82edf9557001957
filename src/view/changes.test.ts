import assert from "node:assert/strict";
import { test } from "node:test";
import { changesBetween } from "./changes.ts";
import { type Network, type Observation, UNKNOWN_NETWORK } from "./network.ts";
import {
  answer,
  networkAfter,
  sampleChannel,
  sampleInput,
  sampleRecord,
  sampleSession,
  sampleSubscriber,
  sampleView,
  silence,
} from "./sample-views.ts";

const session = sampleSession(["origin", "south"]);
const start = networkAfter([
  { type: "session-answered", view: session },
  answer(sampleView("origin", 1)),
  answer(sampleView("south", 1, [sampleChannel({ inputs: [sampleInput("middle")] })])),
]);

function textsAfter(observations: readonly Observation[], before: Network = start): string[] {
  return changesBetween(before, networkAfter(observations, before)).map((change) => change.text);
}

test("the first look tells nothing, and the same look twice neither", () => {
  assert.deepEqual(changesBetween(UNKNOWN_NETWORK, start), []);
  assert.deepEqual(changesBetween(start, start), []);
});

test("a switch of inputs is told with the new upstream", () => {
  const channel = sampleChannel({
    inputs: [sampleInput("middle", { state: "down" }), sampleInput("north")],
  });
  assert.deepEqual(textsAfter([answer(sampleView("south", 2, [channel]))]), [
    "south now takes clip from north",
  ]);
});

test("an input that is gone without another is told as a loss", () => {
  const channel = sampleChannel({ inputs: [sampleInput("middle", { state: "down" })] });
  const [change] = changesBetween(
    start,
    networkAfter([answer(sampleView("south", 2, [channel]))], start),
  );
  assert.deepEqual(change, { tone: "bad", text: "south no longer gets clip from middle" });
});

test("silence is told once per step, and the return", () => {
  const suspected = networkAfter([silence("south")], start);
  assert.deepEqual(textsAfter([silence("south")]), ["south is suspected: no answer"]);
  const down = networkAfter([silence("south")], suspected);
  assert.deepEqual(textsAfter([silence("south")], suspected), ["south is down: no answer"]);
  assert.deepEqual(textsAfter([silence("south")], down), []);
  const back = answer(sampleView("south", 3, [sampleChannel({ inputs: [sampleInput("middle")] })]));
  assert.deepEqual(textsAfter([back], down), ["south answers again"]);
});

test("a new process of a site is told, and its first report tells no switches", () => {
  const record = sampleRecord("south", { instance: 2 });
  const restarted: Observation[] = [
    { type: "session-answered", view: { ...session, sites: [sampleRecord("origin"), record] } },
    answer(sampleView(record, 1, [sampleChannel({ inputs: [sampleInput("north")] })])),
  ];
  assert.deepEqual(textsAfter(restarted), ["south came back with a new process"]);
});

test("joins, leaders, the directory and channels are told", () => {
  const view = sampleSession(["origin", "south", "west"], {
    leader: null,
    directory: "disconnected",
    channels: [{ name: "news", id: 2, ingests: [] }],
  });
  assert.deepEqual(textsAfter([{ type: "session-answered", view }]), [
    "The session has no leader; origin led it",
    "origin has lost the directory; media flows on",
    "Channel news was opened",
    "Channel clip was closed",
    "west joined the session",
  ]);
});

test("players are told as a count", () => {
  const inputs = [sampleInput("middle")];
  const watched = sampleChannel({ inputs, subscribers: [sampleSubscriber()] });
  const one = networkAfter([answer(sampleView("south", 2, [watched]))], start);
  assert.deepEqual(
    changesBetween(start, one).map((change) => change.text),
    ["1 player watches clip at south"],
  );
  assert.deepEqual(textsAfter([answer(sampleView("south", 3, [sampleChannel({ inputs })]))], one), [
    "No players watch clip at south",
  ]);
});
