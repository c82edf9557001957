import assert from "node:assert/strict";
import { test } from "node:test";
import {
  answer,
  networkAfter,
  sampleChannel,
  sampleInput,
  sampleOrigin,
  sampleSession,
  sampleView,
} from "./sample-views.ts";
import {
  formatHeldBack,
  formatOrigin,
  formatStall,
  isLearned,
  switchInWords,
  waysOf,
} from "./ways.ts";

test("a source says how it is known", () => {
  const known = (change: Parameters<typeof sampleOrigin>[0]) => {
    return formatOrigin(sampleInput("north", { origin: sampleOrigin(change) }));
  };
  assert.equal(known({ kind: "configured" }), "route");
  assert.equal(
    known({ kind: "learned", from: "middle", agoMs: 3_200 }),
    "learned from middle, 3 s ago",
  );
  assert.equal(known({ kind: "directory", isIngest: true }), "directory: ingested there");
  assert.equal(known({ kind: "directory", isIngest: false }), "directory: a site of the session");
  assert.equal(formatOrigin(sampleInput("main", { kind: "rtp" })), "published here");
  assert.equal(formatOrigin(sampleInput("north")), "", "an earlier version does not tell");
});

test("only what no route names is learned", () => {
  const learned = { kind: "learned", from: "middle", agoMs: 0 } as const;
  assert.ok(isLearned({ origin: sampleOrigin(learned) }));
  assert.ok(isLearned({ origin: sampleOrigin({ kind: "directory", isIngest: true }) }));
  assert.ok(!isLearned({ origin: sampleOrigin({ kind: "configured" }) }));
  assert.ok(!isLearned({}));
});

test("a source that was lost again and again says for how long it is held back", () => {
  const origin = sampleOrigin({ kind: "configured" });
  assert.equal(formatHeldBack({ origin }), undefined);
  assert.equal(
    formatHeldBack({ origin: { ...origin, lost: 3, heldBackMs: 20_000 } }),
    "lost 3 times within two minutes, and held back for 20 s",
  );
});

test("a stall says since when, why, and what is tried", () => {
  const reason = "b cannot be reached";
  assert.equal(
    formatStall({ forMs: 4_240, reason, trying: ["b", "c"] }),
    "for 4.2 s: b cannot be reached; trying b, c",
  );
  assert.equal(formatStall({ forMs: 400, reason, trying: [] }), "for 0.4 s: b cannot be reached");
});

test("changes of the source are told in words, with what happened and how long it took", () => {
  const first = { at: 0, from: undefined, to: "b", reason: "first choice" };
  const left = { at: 10_000, from: "b", to: "a" };
  const inWords = (reason: string, from: string | undefined = "b") => {
    const change = { ...left, from, reason };
    return switchInWords("c", change, [first, change]);
  };
  assert.equal(switchInWords("c", first, [first]), "c took b");
  assert.equal(switchInWords("c", first, [first], "clip"), "c took clip from b");
  assert.equal(inWords("the site is shutting down"), "c took a since b left");
  assert.equal(inWords("silent"), "c took a since b fell silent");
  assert.equal(inWords("no media"), "c took a since b sent nothing");
  assert.equal(inWords("configured"), "c took a, as its route says now");
  assert.equal(
    inWords("the channel does not arrive at b"),
    "c took a since it did not arrive at b",
  );
  assert.equal(
    inWords("routing loop: the path already includes this site"),
    "c took a since b had it from c",
  );
  assert.equal(
    inWords("127.0.0.1:7602: the connection broke (read ECONNRESET)"),
    "c took a since b was lost",
  );
  assert.equal(inWords("first choice", undefined), "c took a since b was lost");
  const gone = { ...left, reason: "silent" };
  const back = { at: 15_040, from: "a", to: "b", reason: "a preferred alternative is back" };
  assert.equal(switchInWords("c", back, [first, gone, back]), "c is back to b after 5 s");
  assert.equal(
    switchInWords("c", back, [first, gone, back], "clip"),
    "c is back to b with clip after 5 s",
  );
  const preferred = "c took b, as it is preferred";
  assert.equal(switchInWords("c", back, [back]), preferred, "the rest is forgotten");
  const stoodIn = [
    { at: 10_000, from: "a", to: "b", reason: "silent" },
    { at: 10_200, from: "b", to: "a", reason: "false alarm" },
  ];
  assert.equal(switchInWords("c", back, [...stoodIn, back]), preferred, "it only stood in");
});

test("the ways of a channel say since when, for how long, and why, the present one first", () => {
  const switches = [
    { at: 1_000, from: undefined, to: "middle", reason: "first choice" },
    { at: 8_000, from: "middle", to: "north", reason: "the site is shutting down" },
    { at: 14_000, from: "north", to: "middle", reason: "a preferred alternative is back" },
  ];
  const ways = [
    { at: 1_100, path: ["origin", "north", "middle", "south"] },
    { at: 8_100, path: ["origin", "north", "south"] },
    { at: 11_000, path: [] },
    { at: 14_100, path: ["origin", "north", "middle", "south"] },
    { at: 17_000, path: ["origin", "middle", "south"] },
  ];
  // By the clock of another site.
  const above = [
    { at: 800, from: undefined, to: "north", reason: "first choice" },
    { at: 96_900, from: "north", to: "origin", reason: "silent" },
  ];
  const network = networkAfter([
    { type: "session-answered", view: sampleSession(["origin", "north", "middle", "south"]) },
    answer(sampleView("south", 20_000, [sampleChannel({ switches, ways })])),
    answer(sampleView("middle", 100_000, [sampleChannel({ switches: above })])),
  ]);
  assert.deepEqual(
    waysOf(network, "south", "clip").map(({ agoMs, forMs, isPresent, path, why }) => {
      return [agoMs, forMs, isPresent, path.join(" "), why];
    }),
    [
      [3_000, 3_000, true, "origin middle south", "at middle: north fell silent"],
      [5_900, 2_900, false, "origin north middle south", "back to middle after 6 s"],
      [9_000, 3_100, false, "", "it did not arrive"],
      [11_900, 2_900, false, "origin north south", "middle left"],
      [18_900, 7_000, false, "origin north middle south", ""],
    ],
  );
  assert.deepEqual(waysOf(network, "south", "news"), []);
  assert.deepEqual(waysOf(network, "nowhere", "clip"), []);
});
