import assert from "node:assert/strict";
import { test } from "node:test";
import { channelNames, channelToWatch, farthestSite, firstWatch } from "./choices.ts";
import {
  answer,
  networkAfter,
  sampleChannel,
  sampleSession,
  sampleView,
  silence,
} from "./sample-views.ts";

const session = {
  type: "session-answered",
  view: sampleSession(["origin", "north", "south"], {
    channels: [
      { name: "audio", id: 1, ingests: ["origin"] },
      { name: "clip", id: 2, ingests: ["origin"] },
    ],
  }),
} as const;

test("the player begins with the first channel that has video", () => {
  const silentChannel = sampleChannel({ name: "audio", description: undefined });
  const network = networkAfter([
    session,
    answer(sampleView("origin", 1, [silentChannel, sampleChannel()])),
  ]);
  assert.deepEqual(channelNames(network), ["audio", "clip"]);
  assert.equal(channelToWatch(network), "clip");
  assert.equal(channelToWatch(networkAfter([session])), "audio");
});

test("the farthest site is the one with the longest path that answers", () => {
  const network = networkAfter([
    session,
    answer(sampleView("origin", 1, [sampleChannel({ path: ["origin"] })])),
    answer(sampleView("north", 1, [sampleChannel({ path: ["origin", "north"] })])),
    answer(sampleView("south", 1, [sampleChannel({ path: ["origin", "north", "south"] })])),
  ]);
  assert.equal(farthestSite(network, "clip"), "south");
  const down = networkAfter([silence("south"), silence("south")], network);
  assert.equal(farthestSite(down, "clip"), "north");
});

test("without any path the farthest site is not the ingest, and without sites there is none", () => {
  const network = networkAfter([
    session,
    answer(sampleView("origin", 1)),
    answer(sampleView("north", 1)),
  ]);
  assert.equal(farthestSite(network, "clip"), "north");
  assert.equal(farthestSite(networkAfter([session]), "clip"), undefined);
});

test("the first choice waits for every site to answer once, unless in a hurry", () => {
  const some = networkAfter([
    session,
    answer(sampleView("origin", 1, [sampleChannel({ path: ["origin"] })])),
    answer(sampleView("north", 1, [sampleChannel({ path: ["origin", "north"] })])),
  ]);
  assert.equal(firstWatch(some, { hurry: false }), undefined);
  assert.deepEqual(firstWatch(some, { hurry: true }), { site: "north", channel: "clip" });
  const all = networkAfter([silence("south")], some);
  assert.deepEqual(firstWatch(all, { hurry: false }), { site: "north", channel: "clip" });
});

test("the first choice waits for a channel with video, unless in a hurry", () => {
  const described = sampleChannel({ name: "audio", description: undefined });
  const network = networkAfter([
    session,
    ...["origin", "north", "south"].map((name) => answer(sampleView(name, 1, [described]))),
  ]);
  assert.equal(firstWatch(network, { hurry: false }), undefined);
  assert.deepEqual(firstWatch(network, { hurry: true }), { site: "south", channel: "audio" });
});
