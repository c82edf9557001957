/** How verbs show where a channel comes from, and what else it may come from. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionView, SiteView } from "../client/contract/index.ts";
import { type Network, observe, UNKNOWN_NETWORK } from "../view/index.ts";
import { standbysOf, wayOf } from "./channels.ts";
import { CLIP, LOST, PLAIN, STALLED } from "./learned-ways.test.support.ts";
import { inputRows, stallLines } from "./status.ts";
import { channelStory, formatChannelStory } from "./why-channel.ts";

const RECORD = {
  ...{ name: "south", instance: 1, pid: 1, version: "0.1.0", leader: false, startedAt: 0 },
  ...{ http: { host: "127.0.0.1", port: 7003 }, udp: { host: "127.0.0.1", port: 7003 } },
};

function networkWith(...channels: SiteView["snapshot"]["channels"]): Network {
  const session: SessionView = {
    ...{ session: { name: "demo" }, self: "south", leader: "origin", directory: "connected" },
    ...{ sites: [RECORD], channels: [{ name: "clip", id: 1, ingests: ["origin"] }], demo: true },
  };
  const view = {
    site: RECORD,
    snapshot: { at: 20_000, channels, peers: [], drops: {} },
    process: { cpuSeconds: 1, rssBytes: 1, uptimeSeconds: 20 },
  } as unknown as SiteView;
  const listed = observe(UNKNOWN_NETWORK, { type: "session-answered", view: session });
  return observe(listed, { type: "site-answered", name: "south", view });
}

function why(...channels: SiteView["snapshot"]["channels"]): string {
  return formatChannelStory(channelStory(networkWith(...channels), "clip"), PLAIN);
}

test("status tells how each input is known, and which one is held back", () => {
  const rows = inputRows({ channels: [CLIP] } as unknown as SiteView["snapshot"], PLAIN);
  assert.deepEqual(rows.slice(0, 2), [
    [
      ...["clip", "middle", "site", "down", "route", "7"],
      "lost 3 times within two minutes, and held back for 20 s",
    ],
    ["clip", "north", "site", "active", "learned from middle, 3 s ago", "7", "late 2"],
  ]);
});

test("status and channels tell of a channel that does not arrive why, and what is tried", () => {
  const snapshot = { channels: [CLIP, STALLED] } as unknown as SiteView["snapshot"];
  const reason = "for 4 s: middle cannot be reached; trying middle, north";
  assert.deepEqual(stallLines(snapshot, PLAIN), [`! clip has not arrived ${reason}`]);
  assert.equal(wayOf(STALLED, PLAIN), `(no way ${reason})`);
});

test("channels tell what is ready besides, and what of it was learned", () => {
  assert.equal(wayOf(CLIP, PLAIN), "origin > north > south");
  assert.equal(wayOf({ ...CLIP, path: [] }, PLAIN), "(no way)");
  assert.equal(standbysOf(CLIP), "origin (learned), east");
  assert.equal(standbysOf({ ...CLIP, inputs: [LOST] }), "");
});

test("why tells a channel's way, the reason, the other sources, and how it was before", () => {
  assert.equal(
    why(CLIP),
    [
      "clip comes to south through origin > north > south",
      "  for 12 s now: middle left",
      "",
      "sources",
      "FROM    STATE    STACK     KNOWN BY",
      "middle  down     frag:udp  route; lost 3 times within two minutes, and held back for 20 s",
      "north   active   frag:udp  learned from middle, 3 s ago",
      "origin  standby  frag:udp  learned from middle, 3 s ago",
      "east    standby  frag:udp  route; lost 3 times within two minutes, and held back for 20 s",
      "",
      "before",
      "FROM      LENGTH   CAME THROUGH                     WHY",
      "19 s ago  for 7 s  origin > north > middle > south",
    ].join("\n"),
  );
});

test("why tells that a channel does not arrive, is not wanted, is published here, or is not open", () => {
  assert.match(
    why(STALLED),
    /^clip has not arrived at south for 4 s: middle cannot be reached; trying middle, north\n/,
  );
  const idle = { ...CLIP, path: [], ways: [], inputs: [] };
  assert.equal(
    why(idle),
    "clip is not wanted at south, or nobody sends it\n  it is published at origin",
  );
  const own = { ...CLIP, path: ["south"], ways: [{ at: 1, path: ["south"] }], inputs: [] };
  assert.equal(why(own), "clip is published at south");
  assert.equal(why(), "clip is not open at south; it is published at origin");
});
