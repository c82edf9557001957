import assert from "node:assert/strict";
import { test } from "node:test";
import {
  answer,
  networkAfter,
  sampleChannel,
  sampleSession,
  sampleSubscriber,
  sampleView,
  silence,
} from "./sample-views.ts";
import { channelRows, subscriberRows } from "./tables.ts";

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
