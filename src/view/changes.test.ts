import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChannelSnapshot, SwitchSnapshot } from "../client/contract/index.ts";
import { changesBetween } from "./changes.ts";
import { type Network, type Observation, UNKNOWN_NETWORK } from "./network.ts";
import {
  answer,
  networkAfter,
  sampleChannel,
  sampleInput,
  sampleOrigin,
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

const first = { at: 0, from: undefined, to: "middle", reason: "first choice" };
const gone = { at: 1_200, from: "middle", to: "north", reason: "the site is shutting down" };
const back = { at: 6_240, from: "north", to: "middle", reason: "a preferred alternative is back" };

/** What south reports at a time, of channels whose source changed so. */
function switched(
  at: number,
  switches: readonly SwitchSnapshot[],
  change: Partial<ChannelSnapshot> = {},
  names: readonly string[] = ["clip"],
): Observation {
  const inputs = [sampleInput(switches.at(-1)?.to ?? "")];
  const about = { inputs, switches, path: ["origin", "south"], ...change };
  return answer(
    sampleView(
      "south",
      at,
      names.map((name) => sampleChannel({ name, ...about })),
    ),
  );
}

test("a change of the source is told with what happened, and the return with the seconds", () => {
  const one = networkAfter([switched(1_000, [first])], start);
  const two = networkAfter([switched(2_000, [first, gone])], one);
  assert.deepEqual(textsAfter([switched(2_000, [first, gone])], one), [
    "south took clip from north since middle left",
  ]);
  assert.deepEqual(textsAfter([switched(3_000, [first, gone])], two), [], "once");
  assert.deepEqual(changesBetween(two, networkAfter([switched(7_000, [first, gone, back])], two)), [
    { tone: "good", text: "south is back to middle with clip after 5 s" },
  ]);
});

test("what happens to several channels alike is one line", () => {
  const names = ["clip", "news", "talk"];
  const one = networkAfter([switched(1_000, [first], {}, names)], start);
  assert.deepEqual(textsAfter([switched(2_000, [first, gone], {}, names)], one), [
    "south took clip, news and talk from north since middle left",
  ]);
});

test("a source that was silent for a moment is one line", () => {
  const silent = { at: 1_500, from: "middle", to: "north", reason: "silent" };
  const alarm = { at: 1_900, from: "north", to: "middle", reason: "false alarm" };
  const one = networkAfter([switched(1_000, [first])], start);
  assert.deepEqual(textsAfter([switched(2_000, [first, silent, alarm])], one), [
    "south took clip from north for 0.4 s, while middle was silent",
  ]);
});

test("a source that is lost again and again is told once for all its channels", () => {
  const report = (at: number, lost: number, heldBackMs: number) => {
    const origin = { ...sampleOrigin({ kind: "configured" }), lost, heldBackMs };
    const inputs = [sampleInput("middle", { state: "down", origin }), sampleInput("north")];
    return switched(at, [first], { inputs }, ["clip", "news"]);
  };
  const twice = networkAfter([report(1_000, 2, 10_000)], start);
  const changes = changesBetween(twice, networkAfter([report(2_000, 3, 20_000)], twice));
  const text = "middle was lost 3 times within two minutes and is held back for 20 s by south";
  assert.deepEqual(changes, [{ tone: "warn", text }]);
  const once = networkAfter([report(1_000, 1, 5_000)], start);
  assert.deepEqual(textsAfter([report(2_000, 2, 10_000)], once), []);
});

test("a channel that does not arrive is told with the reason, and that it is back with the seconds", () => {
  const stalled = { forMs: 900, reason: "middle cannot be reached", trying: ["middle"] };
  const one = networkAfter([switched(1_000, [first])], start);
  const report = switched(2_000, [first], { path: [], stalled, inputs: [] });
  const two = networkAfter([report], one);
  assert.deepEqual(
    changesBetween(one, two).find(({ text }) => text.startsWith("south does")),
    { tone: "bad", text: "south does not receive clip: middle cannot be reached" },
  );
  const ways = [{ at: 5_100, path: ["origin", "south"] }];
  assert.deepEqual(changesBetween(two, networkAfter([switched(6_000, [first], { ways })], two)), [
    { tone: "good", text: "south receives clip again after 4 s" },
  ]);
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
    "origin has lost the directory, which media does not need",
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
