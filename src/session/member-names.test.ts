import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, SeededRandom, SILENT, VirtualClock } from "../base/index.ts";
import { EmbeddedDirectory, MemoryStore } from "../directory/embedded/index.ts";
import {
  type Caller,
  type Json,
  LEADER_CALLER,
  memberCaller,
  type ShownToken,
} from "../directory/index.ts";
import { Leader } from "./leader.ts";
import { MemberNames } from "./member-names.ts";

const HOUR = 3_600_000;

test("[A40] a name belongs to the token that its site joined with, and to those made from it", () =>
  withWorld(async ({ join, names }) => {
    await join("north", tokenOf("one-token"));
    await join("north", tokenOf("one-token", "its-descendant"));
    const owned = { code: "site-name-owned", message: /another token/ };
    await assert.rejects(join("north", tokenOf("two-token")), owned);
    await assert.rejects(names.claim("north", tokenOf("two-token")), owned);
    await names.claim("north", tokenOf("one-token"));
    await join("south", tokenOf("two-token"));
  }));

test("[A40] a name is kept while its token counts, and while its site is a member", () =>
  withWorld(async ({ join, clock, directory, names }) => {
    const short = tokenOf("one-token", "one-token", HOUR / 2);
    const other = tokenOf("two-token", "two-token", 99 * HOUR);
    const owned = { code: "site-name-owned" };
    await join("north", short);
    await directory.delete("sites/north");
    await assert.rejects(names.claim("north", other), owned);
    await join("north", short);
    clock.advance(0.75 * HOUR);
    await assert.rejects(names.claim("north", other), owned);
    await directory.delete("sites/north");
    await names.claim("north", other);
    await assert.rejects(join("north", short), owned);
  }));

test("[A40] a token that was revoked gives its names away", () =>
  withWorld(async ({ join, directory }) => {
    await join("north", tokenOf("one-token"));
    await directory.put("access/revoked/one-token", { at: 0, expiresAt: HOUR });
    await directory.delete("sites/north");
    await join("north", tokenOf("two-token"));
  }));

test("[A40] of two tokens that claim a free name at once, one gets it", () =>
  withWorld(async ({ join }) => {
    const tokens = ["one-token", "two-token", "three-token"].map((id) => tokenOf(id));
    const outcomes = await Promise.allSettled(tokens.map((token) => join("north", token)));
    const codes = outcomes.map((each) =>
      each.status === "rejected" ? each.reason.code : "joined",
    );
    assert.deepEqual(codes.sort(), ["joined", "site-name-owned", "site-name-owned"]);
  }));

test("[A40] one token has so many names, and no more", () =>
  withWorld(async ({ names }) => {
    const token = tokenOf("one-token");
    for (let each = 0; each < LIMITS.namesPerTokenMax; each++) await names.claim(`s${each}`, token);
    await assert.rejects(names.claim("more", token), { code: "site-names-exhausted" });
    await names.claim("s1", token);
    await names.claim("more", tokenOf("two-token"));
  }));

test("[A40] where no token is required, names belong to nobody", () =>
  withWorld(async ({ join }) => {
    await join("north", undefined);
    await join("north", undefined);
    await join("north", tokenOf("one-token"));
  }));

test("[A41] a member joins, leaves and ingests in its own name alone", () =>
  withWorld(async ({ leader, join, directory, payloadOf }) => {
    await join("north", tokenOf("one-token"));
    const denied = { code: "request-denied" };
    const south = memberCaller("south", tokenOf("two-token"));
    const ask = (subject: string, payload: Json, by: Caller = south): Promise<Json> =>
      leader.handle(subject, payload, by);
    await assert.rejects(ask("join", await payloadOf("north")), denied);
    await assert.rejects(ask("leave", { name: "north", instance: 1 }), denied);
    await assert.rejects(ask("open-channel", { name: "news", ingest: "north" }), denied);
    await ask("open-channel", { name: "news", ingest: "north" }, LEADER_CALLER);
    await assert.rejects(ask("close-channel", { name: "news", ingest: "north" }), denied);
    await assert.rejects(ask("close-channel", { name: "news" }), denied);
    const none = memberCaller(undefined, tokenOf("two-token"));
    await assert.rejects(ask("join", await payloadOf("north"), none), {
      ...denied,
      message: /speaks for no site/,
    });
    assert.equal((await directory.get("channels/news"))?.revision !== undefined, true);
    assert.notEqual(await directory.get("sites/north"), undefined);
  }));

test("[A41] no member has the leader's name, though it tells its address", () =>
  withWorld(async ({ leader, payloadOf, directory }) => {
    await leader.handle("join", await payloadOf("origin"), LEADER_CALLER);
    const caller = memberCaller("origin", tokenOf("one-token"));
    await assert.rejects(leader.handle("join", await payloadOf("origin"), caller), {
      code: "site-name-taken",
    });
    const record = (await directory.get("sites/origin"))?.value as { leader?: boolean } | undefined;
    assert.equal(record?.leader, true);
  }));

interface World {
  readonly clock: VirtualClock;
  readonly directory: EmbeddedDirectory;
  readonly leader: Leader;
  readonly names: MemberNames;
  payloadOf(name: string): Promise<Json>;
  join(name: string, token: ShownToken | undefined): Promise<unknown>;
}

function tokenOf(lineage: string, id = lineage, expiresAt = HOUR): ShownToken {
  const scopes = { channels: [], streams: [], sites: [] };
  return { id, name: "a site", can: ["join"], ...scopes, lineage, expiresAt };
}

async function withWorld(use: (world: World) => Promise<void>): Promise<void> {
  const clock = new VirtualClock(0, 0);
  const random = new SeededRandom(4);
  const options = { clock, random, log: SILENT };
  await using directory = await EmbeddedDirectory.open({ ...options, store: new MemoryStore() });
  const leader = new Leader({ ...options, directory, site: "origin", instance: 1 });
  const payloadOf = async (name: string): Promise<Json> => {
    const { id: lease } = await directory.grantLease(HOUR);
    const http = { host: "127.0.0.1", port: 7_000 };
    const about = { pid: 1, version: "0", startedAt: 0 };
    return { site: { name, instance: 1, http, udp: http, ...about }, lease };
  };
  await use({
    ...{ clock, directory, leader, payloadOf },
    names: new MemberNames({ directory, site: "origin", clock }),
    join: async (name, token) =>
      leader.handle("join", await payloadOf(name), memberCaller(name, token)),
  });
}
