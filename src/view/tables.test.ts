import assert from "node:assert/strict";
import { test } from "node:test";
import {
  answer,
  networkAfter,
  sampleChannel,
  sampleInput,
  sampleOrigin,
  sampleSession,
  sampleSubscriber,
  sampleView,
  silence,
} from "./sample-views.ts";
import { channelRows, inputRows, subscriberRows } from "./tables.ts";

const session = { type: "session-answered", view: sampleSession(["origin", "south"]) } as const;
const channel = sampleChannel({
  path: ["origin", "south"],
  drops: { late: 2, duplicate: 40, malformed: 0 },
  subscribers: [
    sampleSubscriber({ id: 1, drops: { lag: 3 } }),
    sampleSubscriber({ id: 2, kind: "rtp" }),
    sampleSubscriber({ id: 3, kind: "site" }),
  ],
});
const network = networkAfter([
  session,
  answer(sampleView("origin", 1)),
  answer(sampleView("south", 1, [channel])),
]);

test("a channel's row sums its drops and lists the reasons, most first", () => {
  const [row] = channelRows(network, "south");
  assert.deepEqual(row?.codecs, ["h264"]);
  assert.equal(row?.dropCount, 42);
  assert.deepEqual(row?.drops, [
    { reason: "duplicate", count: 40 },
    { reason: "late", count: 2 },
  ]);
});

test("a channel of the session has a row where it is not, and codecs from where it is", () => {
  const [row] = channelRows(network, "origin");
  assert.equal(row?.name, "clip");
  assert.equal(row?.here, undefined);
  assert.deepEqual(row?.codecs, ["h264"]);
});

test("subscribers are ordered sites, RTP receivers, viewers, and filtered by channel", () => {
  const rows = subscriberRows(network, "south", undefined);
  assert.deepEqual(
    rows.map((row) => row.subscriber.kind),
    ["site", "rtp", "viewer"],
  );
  assert.equal(rows.at(-1)?.dropCount, 3);
  assert.deepEqual(subscriberRows(network, "south", "news"), []);
});

test("a site that is down has no subscribers and no numbers", () => {
  const down = networkAfter([silence("south"), silence("south")], network);
  assert.deepEqual(subscriberRows(down, "south", undefined), []);
  assert.equal(channelRows(down, "south")[0]?.here, undefined);
});

test("what a site may receive from is listed in the order of preference, and what was learned is marked", () => {
  const route = sampleInput("middle", { origin: sampleOrigin({ kind: "configured" }) });
  const learned = sampleInput("origin", {
    state: "standby",
    origin: sampleOrigin({ kind: "learned", from: "middle", agoMs: 100 }),
  });
  const at = (seconds: number) => {
    const input = { ...route, packets: seconds * 10, bytes: seconds * 1_000 };
    return answer(
      sampleView("south", seconds * 1_000, [
        sampleChannel({ name: "news", inputs: [route] }),
        sampleChannel({ inputs: [input, learned] }),
      ]),
    );
  };
  const seen = networkAfter([session, at(1), at(2)]);
  assert.deepEqual(
    inputRows(seen, "south", undefined).map((row) => [row.channel, row.input.name, row.isLearned]),
    [
      ["clip", "middle", false],
      ["clip", "origin", true],
      ["news", "middle", false],
    ],
  );
  assert.equal(inputRows(seen, "south", "clip")[0]?.rate?.bitsPerSecond, 8_000);
  assert.equal(inputRows(seen, "south", "news").length, 1);
  const down = networkAfter([silence("south"), silence("south")], seen);
  assert.deepEqual(inputRows(down, "south", "clip"), []);
});
