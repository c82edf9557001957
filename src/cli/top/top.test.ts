import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MeanderError, VirtualClock } from "../../base/index.ts";
import type { SessionView, SiteStats } from "../../client/contract/index.ts";
import type { SiteClient } from "../../client/index.ts";
import type { SiteRecord } from "../../session/index.ts";
import type { Paint } from "../terminal.ts";
import { FullScreen } from "./full-screen.ts";
import { SessionPoll, type TopSession } from "./session-poll.ts";
import { keysPressed } from "./top.ts";
import { type TopChoice, topScreen } from "./top-screen.ts";

const PLAIN: Paint = (_style, text) => text;
const ALL: TopChoice = { view: "all", sort: 0, site: undefined, isPaused: false };

function statsOf(site: string, parts: Partial<SiteStats> = {}): SiteStats {
  const channel = {
    ...{ name: "clip", path: ["origin", site], stalled: null, bitsIn: 2.4e6, bitsOut: 24e6 },
    ...{ packetsIn: 300, packetsOut: 3_000, subscribers: 10, lagMs: 12, drops: 0 },
    ...{ latencyMs: 3.25, jitterMs: 0.5 },
  };
  return {
    ...{ site, instance: 1, at: 0, uptimeSeconds: 60, status: "ok", reason: null, cpu: 0.42 },
    ...{ memory: { used: 120e6, limit: null }, heap: { used: 30e6, limit: 4e9 } },
    ...{ descriptors: { used: 44, limit: 1_024 }, loopMs: { main: 0.2, plane: 1.5 } },
    ...{ viewers: 9, links: 1, subscribers: 10, streams: 0, packetsIn: 300, packetsOut: 3_000 },
    ...{ bitsIn: 2.4e6, bitsOut: 24e6, drops: 0, channels: [channel], slowest: [] },
    ...parts,
  };
}

function sessionOf(...all: readonly SiteStats[]): TopSession {
  const sites = all.map((stats) => ({
    ...{ name: stats.site, isLeader: stats.site === "origin", url: "http://127.0.0.1:1" },
    ...{ stats, failure: undefined, history: [1, 2, 3] },
  }));
  return { name: "demo", sites, problem: undefined };
}

function frame(width: number, height: number | undefined) {
  return { width, height, paint: PLAIN, time: "12:34:56" };
}

test("sites, channels and the slowest stand below each other, with sums on top", () => {
  const slowest = [
    {
      ...({ channel: "clip", id: 7, kind: "viewer", name: "ann", address: "10.0.0.7:5" } as const),
      ...({ state: "skipping", lagMs: 1_400, drops: 31 } as const),
    },
  ];
  const session = sessionOf(statsOf("origin"), statsOf("south", { slowest, drops: 12 }));
  const lines = topScreen(session, ALL, frame(140, undefined));
  const text = lines.join("\n");
  assert.match(lines[0] ?? "", /Meander demo {3}2\/2 sites {3}1 channel {3}18 viewers/);
  assert.match(lines[0] ?? "", /▼ 4\.80 Mb\/s {2}▲ 48\.0 Mb\/s {3}12 drops\/s/);
  assert.match(text, /origin +● ok leader +■■■··· +42 % +120 MB +1\.5 ms +1 +10 +2\.40 Mb\/s/);
  assert.match(text, /clip +south +origin › south +2\.40 Mb\/s +24\.0 Mb\/s +10 +3\.3 ms/);
  assert.match(text, /ann +viewer +clip +south +1\.4 s +skipping +31 +10\.0\.0\.7:5/);
});

test("a site that does not answer, and a degraded one, are listed first", () => {
  const well = sessionOf(
    statsOf("origin", { status: "degraded", reason: "descriptors: 93 of 100 in use" }),
  );
  const gone = {
    ...{ name: "south", isLeader: false, url: "", stats: undefined },
    ...{ failure: "no answer within 2 s", history: [] },
  };
  const session = { ...well, sites: [...well.sites, gone], problem: "the directory is gone" };
  const lines = topScreen(session, ALL, frame(120, undefined));
  assert.deepEqual(lines.slice(1, 4), [
    "! the directory is gone",
    "! origin: descriptors: 93 of 100 in use",
    "! south: no answer within 2 s",
  ]);
  assert.match(lines.join("\n"), /south +● down/);
});

test("a channel that does not arrive says why where its way would stand", () => {
  const [channel] = statsOf("south").channels;
  assert.ok(channel !== undefined);
  const stalled = { forMs: 4_000, reason: "middle fails", trying: ["north"] };
  const lost = statsOf("south", { channels: [{ ...channel, path: [], stalled }] });
  const text = topScreen(sessionOf(lost), ALL, frame(140, undefined)).join("\n");
  assert.match(text, /clip +south +no way for 4 s: middle fails; trying no… +2\.40 Mb\/s/);
  const idle = statsOf("south", { channels: [{ ...channel, path: [] }] });
  assert.match(
    topScreen(sessionOf(idle), ALL, frame(140, undefined)).join("\n"),
    /south +no way +2/,
  );
});

test("the screen fits any terminal, whatever is on it", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 60 }),
      fc.nat({ max: 40 }),
      fc.constantFrom("all" as const, "channels" as const, "viewers" as const),
      fc.nat({ max: 4 }),
      (width, height, siteCount, view, sort) => {
        const sites = Array.from({ length: siteCount }, (_, index) => statsOf(`site-${index}`));
        const choice = { ...ALL, view, sort, site: siteCount > 2 ? "site-1" : undefined };
        const lines = topScreen(sessionOf(...sites), choice, frame(width, height));
        assert.ok(lines.length <= Math.max(height, 2), `${lines.length} lines on ${height}`);
        for (const line of lines) assert.ok([...line].length <= width, line);
      },
    ),
  );
});

test("keys choose what is shown, in which order, and of which site", () => {
  const session = sessionOf(statsOf("a"), statsOf("b", { bitsOut: 99e6 }), statsOf("c"));
  const press = (keys: string, from = ALL): TopChoice => {
    const choice = keysPressed(from, session, keys);
    assert.notEqual(choice, "quit");
    return choice as TopChoice;
  };
  assert.equal(keysPressed(ALL, session, "q"), "quit");
  assert.equal(keysPressed(ALL, session, "\x03"), "quit");
  assert.equal(press("c").view, "channels");
  assert.equal(press("cc").view, "all");
  assert.equal(press("v").view, "viewers");
  assert.equal(press("sssss").sort, 0, "round and round");
  assert.equal(press("\x1b[B").site, "a");
  assert.equal(press("\x1b[B\x1b[B").site, "b");
  assert.equal(press("\x1b[B\x1b[B\x1b[A\x1b[A").site, undefined);
  assert.equal(press("\x1b[A").site, "c");
  assert.equal(press("s\x1b[B").site, "b", "the order on the screen counts");
  assert.equal(press("p").isPaused, true);
  assert.deepEqual(press("xyz\x1b[Zé"), ALL);
});

test("only lines that changed are written, and the terminal is given back once", () => {
  const written: string[] = [];
  const output = { columns: 20, rows: 3, write: (text: string) => void written.push(text) };
  const screen = new FullScreen(output);
  screen.draw(["one", "two", "three", "four"]);
  const first = "\x1b[1;1Hone\x1b[K\x1b[2;1Htwo\x1b[K\x1b[3;1Hthree";
  assert.ok(written.at(-1)?.includes(first));
  assert.ok(!written.at(-1)?.includes("four"), "what does not fit is not written");
  screen.draw(["one", "2", "three"]);
  assert.equal(written.at(-1), "\x1b[?2026h\x1b[2;1H2\x1b[K\x1b[?2026l");
  const count = written.length;
  screen.draw(["one", "2", "three"]);
  assert.equal(written.length, count, "nothing changed");
  output.columns = 10;
  screen.draw(["one"]);
  assert.ok(written.at(-1)?.includes("\x1b[2J"), "a new size redraws everything");
  screen[Symbol.dispose]();
  screen[Symbol.dispose]();
  screen.draw(["late"]);
  assert.equal(written.filter((text) => text.includes("\x1b[?1049l")).length, 1);
  assert.ok(!written.join("").includes("late"));
});

/** A site whose answers are set. */
class FakeSite {
  readonly url: string;
  session: () => Promise<SessionView> = () => this.#gone();
  currentStats: () => Promise<SiteStats> = () => this.#gone();

  constructor(name: string) {
    this.url = `http://${name}`;
  }

  #gone(): Promise<never> {
    return Promise.reject(new MeanderError("site-unreachable", "the site does not answer"));
  }
}

test("when the site that was named goes, the others tell of the session", async () => {
  const clock = new VirtualClock();
  const sites = new Map(["origin", "south"].map((name) => [name, new FakeSite(name)]));
  const records = [...sites.keys()].map((name) => ({ name, instance: 1 }) as SiteRecord);
  const view = { session: { name: "demo" }, leader: "origin", directory: "connected" } as const;
  const session = async (): Promise<SessionView> => ({
    ...{ ...view, self: "", channels: [], demo: false },
    sites: records,
  });
  for (const [name, site] of sites) {
    site.session = session;
    site.currentStats = async () => statsOf(name);
  }
  const poll = new SessionPoll({
    site: sites.get("origin") as unknown as SiteClient,
    clientOf: ({ name }) => sites.get(name) as unknown as SiteClient,
    clock,
  });
  const before = await poll.look();
  assert.deepEqual(
    before.sites.map(({ name, isLeader, history }) => [name, isLeader, history]),
    [
      ["origin", true, [24e6]],
      ["south", false, [24e6]],
    ],
  );
  const origin = sites.get("origin") as FakeSite;
  Object.assign(origin, new FakeSite("origin"));
  const after = await poll.look();
  assert.equal(after.problem, undefined);
  assert.deepEqual(
    after.sites.map(({ name, failure }) => [name, failure]),
    [
      ["origin", "the site does not answer"],
      ["south", undefined],
    ],
  );
  Object.assign(sites.get("south") as FakeSite, new FakeSite("south"));
  const alone = await poll.look();
  assert.match(alone.problem ?? "", /no site tells of the session: .*does not answer/);
  assert.equal(alone.sites.length, 2, "what was known is shown all the same");
});

test("a session that never answered is an error", async () => {
  const site = new FakeSite("nowhere") as unknown as SiteClient;
  const poll = new SessionPoll({ site, clientOf: () => site, clock: new VirtualClock() });
  await assert.rejects(poll.look(), { code: "site-unreachable" });
});
