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

test("a way that no route names is marked, with how it is known; one that is not there is no link", () => {
  const learned = sampleOrigin({ kind: "learned", from: "middle", agoMs: 3_200 });
  const lost = { ...sampleOrigin({ kind: "configured" }), lost: 3, heldBackMs: 20_000 };
  const inputs = [
    sampleInput("middle", { origin: lost }),
    sampleInput("north", { state: "standby", origin: learned }),
    sampleInput("origin", { state: "down", origin: learned }),
  ];
  const network = networkAfter([
    session,
    ...["origin", "north", "middle"].map((name) => answer(sampleView(name, 1))),
    answer(sampleView("south", 1, [sampleChannel({ inputs })])),
  ]);
  assert.deepEqual(
    topologyOf(network).links.map(({ key, isLearned, channels: [on] }) => [
      key,
      isLearned,
      on?.origin,
    ]),
    [
      ["middle>south", false, "lost 3 times within two minutes, and held back for 20 s"],
      ["north>south", true, "learned from middle, 3 s ago"],
    ],
  );
  const down = networkAfter([silence("south"), silence("south")], network);
  assert.deepEqual(
    topologyOf(down).links.map(({ key }) => key),
    ["middle>south"],
    "what a site that is down has learned is of no use",
  );
});

test("a link is of a route when one of its channels has it from one", () => {
  const learned = sampleOrigin({ kind: "directory", isIngest: true });
  const network = networkAfter([
    session,
    answer(
      sampleView("south", 1, [
        sampleChannel({ inputs: [sampleInput("north", { state: "standby", origin: learned })] }),
        sampleChannel({ name: "news", inputs: [sampleInput("north")] }),
      ]),
    ),
  ]);
  const [link] = topologyOf(network).links;
  assert.equal(link?.isLearned, false);
  assert.deepEqual(
    link?.channels.map(({ channel, isLearned }) => [channel, isLearned]),
    [
      ["clip", true],
      ["news", false],
    ],
  );
});

test("a channel that does not arrive marks its site", () => {
  const stalled = { forMs: 2_000, reason: "middle cannot be reached", trying: ["middle"] };
  const network = networkAfter([
    session,
    answer(sampleView("south", 1, [sampleChannel({ stalled }), sampleChannel({ name: "news" })])),
  ]);
  assert.deepEqual(topologyOf(network).sites.find(({ name }) => name === "south")?.stalls, [
    { channel: "clip", reason: "for 2 s: middle cannot be reached; trying middle" },
  ]);
});
