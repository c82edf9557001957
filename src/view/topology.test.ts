import assert from "node:assert/strict";
import { test } from "node:test";
import {
  answer,
  networkAfter,
  sampleChannel,
  sampleInput,
  sampleSession,
  sampleSubscriber,
  sampleView,
  silence,
} from "./sample-views.ts";
import { topologyOf } from "./topology.ts";

const session = {
  type: "session-answered",
  view: sampleSession(["origin", "north", "middle", "south"]),
} as const;

/** The chain origin > north > middle > south, with north standing by for south, after `seconds`. */
function chain(seconds: number) {
  const [at, packets, bytes] = [seconds * 1000, seconds * 100, seconds * 125_000];
  const flow = { packetsIn: packets, bytesIn: bytes };
  const input = { packets, bytes };
  return [
    sampleView("origin", at, [
      sampleChannel({
        ...flow,
        path: ["origin"],
        inputs: [sampleInput("main", { ...input, kind: "rtp" })],
      }),
    ]),
    sampleView("north", at, [
      sampleChannel({ ...flow, path: ["origin", "north"], inputs: [sampleInput("origin", input)] }),
    ]),
    sampleView("middle", at, [
      sampleChannel({
        ...flow,
        path: ["origin", "north", "middle"],
        inputs: [sampleInput("north", input)],
      }),
    ]),
    sampleView("south", at, [
      sampleChannel({
        ...flow,
        path: ["origin", "north", "middle", "south"],
        inputs: [sampleInput("middle", input), sampleInput("north", { state: "standby" })],
        subscribers: [
          sampleSubscriber(),
          sampleSubscriber({ id: 2 }),
          sampleSubscriber({ id: 3, kind: "rtp" }),
        ],
      }),
    ]),
  ].map(answer);
}

test("a chain is ranked from the ingest, with its links, rates, players and sources", () => {
  const { sites, links } = topologyOf(networkAfter([session, ...chain(1), ...chain(2)]));
  assert.deepEqual(
    sites.map((site) => [site.name, site.rank]),
    [
      ["middle", 2],
      ["north", 1],
      ["origin", 0],
      ["south", 3],
    ],
  );
  assert.deepEqual(
    links.map((link) => [link.key, link.state, link.rate?.bitsPerSecond]),
    [
      ["middle>south", "active", 1_000_000],
      ["north>middle", "active", 1_000_000],
      ["north>south", "standby", 0],
      ["origin>north", "active", 1_000_000],
    ],
  );
  const [, , origin, south] = sites;
  assert.equal(south?.viewerCount, 2);
  assert.equal(south?.outputCount, 1);
  assert.deepEqual(
    origin?.sources.map((source) => [source.channel, source.name, source.rate?.packetsPerSecond]),
    [["clip", "main", 100]],
  );
});

test("the links of a site that is down carry nothing, and who still counts on it suspects them", () => {
  const network = networkAfter([
    session,
    ...chain(1),
    ...chain(2),
    silence("middle"),
    silence("middle"),
  ]);
  const { sites, links } = topologyOf(network);
  assert.equal(sites.find((site) => site.name === "middle")?.state, "down");
  assert.equal(sites.find((site) => site.name === "middle")?.cpuShare, undefined);
  const states = new Map(links.map((link) => [link.key, [link.state, link.rate]]));
  assert.deepEqual(states.get("north>middle"), ["down", undefined]);
  assert.deepEqual(states.get("middle>south"), ["suspected", undefined]);
});

test("a site that only others name is there, and down", () => {
  const channel = sampleChannel({ inputs: [sampleInput("ghost", { state: "down" })] });
  const network = networkAfter([session, answer(sampleView("north", 1, [channel]))]);
  const ghost = topologyOf(network).sites.find((site) => site.name === "ghost");
  assert.deepEqual([ghost?.state, ghost?.reason], ["down", "not in the session"]);
});

test("a receiver that has not told itself is known from who sends to it", () => {
  const subscriber = sampleSubscriber({ kind: "site", name: "north", packets: 1, bytes: 10 });
  const channel = sampleChannel({ path: ["origin"], subscribers: [subscriber] });
  const network = networkAfter([session, answer(sampleView("origin", 1, [channel]))]);
  const { links, sites } = topologyOf(network);
  assert.deepEqual(
    links.map((link) => [link.key, link.state]),
    [["origin>north", "active"]],
  );
  assert.equal(sites.find((site) => site.name === "north")?.rank, 1);
});

test("a link of several channels shows the liveliest state and the sum of the rates", () => {
  const at = (seconds: number) => {
    const counts = { packets: seconds * 10, bytes: seconds * 1_000 };
    return answer(
      sampleView("north", seconds * 1000, [
        sampleChannel({ inputs: [sampleInput("origin", { ...counts, state: "suspected" })] }),
        sampleChannel({ name: "news", inputs: [sampleInput("origin", counts)] }),
      ]),
    );
  };
  const [link] = topologyOf(networkAfter([session, at(1), at(2)])).links;
  assert.equal(link?.state, "active");
  assert.equal(link?.rate?.bitsPerSecond, 16_000);
  assert.equal(link?.channels.length, 2);
});

test("a text channel against the stream of pictures does not turn the graph around", () => {
  const text = sampleChannel({ name: "news", description: undefined, path: ["south", "origin"] });
  const video = sampleChannel({ path: ["origin", "south"] });
  const network = networkAfter([
    session,
    answer(sampleView("origin", 1, [text, sampleChannel({ path: ["origin"] })])),
    answer(sampleView("south", 1, [video])),
  ]);
  const ranks = new Map(topologyOf(network).sites.map((site) => [site.name, site.rank]));
  assert.deepEqual([ranks.get("origin"), ranks.get("south")], [0, 1]);
});
