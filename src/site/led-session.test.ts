import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  LIMITS,
  type Log,
  logOver,
  type MeanderError,
  SeededRandom,
  SILENT,
  VirtualClock,
} from "../base/index.ts";
import { EmbeddedDirectory, MemoryStore } from "../directory/embedded/index.ts";
import { type Change, DirectoryClient, type Json, memorySocketPair } from "../directory/index.ts";
import type { AuditFacts } from "../trust/index.ts";
import { SiteAccess } from "./access/site-access.ts";
import { ADMIN_TOKEN_FILE } from "./access/token-issuer.ts";
import { type TokenService, tokenServiceOver } from "./access/token-service.ts";
import { LedSession } from "./led-session.ts";

const NOW = Date.UTC(2026, 10, 22);
const HOUR = 3_600_000;
const denied = { code: "directory-denied" };
const never = (): never => assert.fail("no policy is code");
const NO_JUDGE = { judge: never, check: never, startTrial: never, forget: () => {} };

test("[A42] a token with `join` makes nobody the session's administrator", () =>
  withSession(async ({ member, directory, admin, tokens, noted }) => {
    const south = await member("south");
    await joinAs(south, "south");
    const before = await directory.get("access/policy");
    assert.deepEqual((await south.get("access/policy"))?.value, before?.value);
    for (const value of [{ ...(before?.value as object), mode: "open" }, {}, null] as Json[]) {
      await assert.rejects(south.put("access/policy", value), denied);
      await assert.rejects(
        south.compareAndSet("access/policy", before?.revision ?? 0, value),
        denied,
      );
    }
    await assert.rejects(south.delete("access/policy"), denied);
    assert.deepEqual(await directory.get("access/policy"), before);
    // Records of tokens are not shown, and revocations cannot be taken back.
    const { record } = await tokens.create(admin, { ...SOUTH, name: "another" });
    await tokens.revoke(admin, { id: record.id });
    await assert.rejects(south.delete(`access/revoked/${record.id}`), denied);
    await assert.rejects(south.get(`access/tokens/${record.id}`), denied);
    await assert.rejects(south.list("access/tokens/"), denied);
    await assert.rejects(
      south.watch("access/members/", () => {}),
      denied,
    );
    for (const subject of ["create-token", "list-tokens", "revoke-tokens"])
      await assert.rejects(
        south.request(subject, {
          ...SOUTH,
          can: ["administer"],
          authority: south.token,
          id: record.id,
        }),
        { code: "token-denied" },
      );
    assertDenied(noted, [
      ["site:south", "directory.call", "write access/policy", "directory-denied"],
      ["site:south", "directory.call", `read access/tokens/${record.id}`, "directory-denied"],
      ["subject:site south", "token.create", "a token of site south: administer", "token-denied"],
    ]);
  }));

test("[A42] a site writes its configuration, and nothing else", () =>
  withSession(async ({ member, directory }) => {
    const south = await member("south");
    await joinAs(south, "south");
    await south.put("config/south", { upstreams: ["lead"] });
    const keys = [
      ...["config/lead", "config/north", "sites/south", "sites/lead", "session", "leader"],
      ...["ids/channel", "ids/stream", "channels/news", "streams/s", "policy/session", "doctor"],
      ...["finalize/lead/1", "access/members/south", "anything/else", "config/south/x"],
    ];
    for (const key of keys) {
      await assert.rejects(south.put(key, 1), denied, key);
      await assert.rejects(south.compareAndSet(key, 0, 1), denied, key);
      await assert.rejects(south.delete(key), denied, key);
    }
    assert.deepEqual((await directory.get("config/south"))?.value, { upstreams: ["lead"] });
  }));

test("[A42] lists and watches leave out what a site may not read", () =>
  withSession(async ({ member, directory }) => {
    await directory.put("config/lead", { upstreams: [] });
    const south = await member("south");
    await joinAs(south, "south");
    await south.put("config/south", {});
    const kinds = (keys: readonly string[]): string[] => [
      ...new Set(keys.map((key) => key.replace(/(?<=^access\/revoked\/).*/, ""))),
    ];
    const readable = ["access/policy", "config/south", "session", "sites/south"];
    assert.deepEqual(kinds((await south.list("")).map(({ key }) => key)), readable);
    const told: string[] = [];
    const end = await south.watch("", (change: Change) => {
      if (change.type === "put") told.push(change.entry.key);
      if (change.type === "deleted") told.push(`-${change.key}`);
    });
    assert.deepEqual(kinds(told), readable);
    await directory.put("access/tokens/0123456789", {});
    await directory.put("config/lead", { upstreams: ["south"] });
    await directory.delete("config/lead");
    await directory.put("channels/news", 1);
    await south.get("sites/south");
    end();
    assert.deepEqual(told.slice(readable.length), ["channels/news"]);
  }));

test("[A40] [A41] a site is itself alone, to the leader and for the leader's calls", () =>
  withSession(async ({ member, tokens, admin, directory, noted }) => {
    const south = await member("south");
    await joinAs(south, "south");
    const other = (await tokens.create(admin, { ...SOUTH, name: "other" })).token;
    await assert.rejects((await member("south", other)).get("sites/south"), {
      code: "site-name-owned",
    });
    await assert.rejects((await member("lead", other)).get("sites/south"), {
      code: "site-name-taken",
    });
    const east = await member("east", other);
    const requestDenied = { code: "request-denied" };
    await assert.rejects(joinAs(east, "south"), requestDenied);
    await assert.rejects(joinAs(east, "lead"), requestDenied);
    await assert.rejects(east.request("leave", { name: "south", instance: 7 }), requestDenied);
    await assert.rejects(
      east.request("renew-membership", { authority: other, site: "south" }),
      requestDenied,
    );
    await assert.rejects(
      east.request("renew-membership", { authority: south.token, site: "east" }),
      { code: "site-name-owned" },
    );
    // The leader's calls to another site are not taken over.
    south.serve({ site: "south", instance: 7 }, async () => "from south");
    await south.get("session");
    const thief = await member("west", other);
    await thief.get("session");
    thief.serve({ site: "south", instance: 7 }, async () => "from a thief");
    assert.equal((await thief.dismissed).code, "directory-denied");
    assert.equal(await directory.sites.call("south", 7, null, 1_000), "from south");
    const nameless = await member(undefined, other);
    await assert.rejects(nameless.get("session"), denied);
    await assert.rejects(nameless.put("config/south", 1), denied);
    await assert.rejects(nameless.request("create-stream", {}), requestDenied);
    assertDenied(noted, [
      ["subject:other", "session.connect", "the session's directory", "site-name-owned"],
      ["site:east", "session.join", "site south", "request-denied"],
      ["site:east", "session.leave", "site south", "request-denied"],
      ["subject:other", "token.renew", "a token of site south", "request-denied"],
      ["site:west", "directory.call", "site south", "directory-denied"],
      ["subject:other", "directory.call", "write config/south", "directory-denied"],
      ["subject:other", "stream.create", "stream ? at ?", "request-denied"],
    ]);
    const joined = noted.find(({ what, on }) => what === "session.join" && on === "site south");
    assert.deepEqual(
      [joined?.by, joined?.from, joined?.verdict],
      ["site:south", "site south", "allowed"],
    );
  }));

test("[D25] a lease is used by the site that was granted it", () =>
  withSession(async ({ member, tokens, admin }) => {
    const south = await member("south");
    const other = (await tokens.create(admin, { ...SOUTH, name: "other" })).token;
    const east = await member("east", other);
    const lease = await south.grantLease(HOUR);
    await assert.rejects(east.renewLease(lease), denied);
    await assert.rejects(east.revokeLease(lease), denied);
    await assert.rejects(east.put("config/east", 1, { lease }), denied);
    // Over another connection of the same site it goes on.
    await (await member("south")).renewLease(lease);
    await south.put("config/south", 1, { lease });
    await south.revokeLease(lease);
    assert.equal(await south.get("config/south"), undefined);
  }));

test("[D26] a site that writes without end is held up, and no other", () =>
  withSession(async ({ member, tokens, admin, passes }) => {
    const south = await member("south");
    const other = (await tokens.create(admin, { ...SOUTH, name: "other" })).token;
    const east = await member("east", other);
    const limited = { code: "rate-limited", message: /site south has used up its rate/ };
    const writes = LIMITS.directoryWritesBurst;
    for (let each = 0; each < writes; each++) await south.put("config/south", each);
    await assert.rejects(south.put("config/south", 1), limited);
    // Another connection of it has no rate of its own.
    await assert.rejects((await member("south")).put("config/south", 1), limited);
    await east.put("config/east", 1);
    await passes(1_000);
    await south.put("config/south", 1);
    await passes(1_000);
    for (let each = 0; each < LIMITS.directoryLeasesPerMember; each++) await south.grantLease(HOUR);
    await assert.rejects(south.grantLease(HOUR), { code: "directory-full" });
    await east.grantLease(HOUR);
  }));

test("[A44] a site whose token is revoked is put out, and the others get another link key", () =>
  withSession(async ({ member, tokens, admin, directory, noted }) => {
    const south = await member("south");
    const other = (await tokens.create(admin, { ...SOUTH, name: "other" })).token;
    const east = await member("east", other);
    const before = (await joinAs(south, "south")) as { linkKey: string };
    await joinAs(east, "east");
    const own = (await south.request("renew-membership", {
      authority: south.token,
      site: "south",
    })) as { token: string };
    const seen: string[] = [];
    await south.watch("session", (change) => {
      if (change.type === "put") seen.push((change.entry.value as { linkKey: string }).linkKey);
    });
    await tokens.revoke(admin, { name: "site south" });
    assert.equal((await south.dismissed).code, "token-revoked");
    assert.ok(noted.some(({ what, on }) => what === "session.expel" && on === "site south"));
    const session = (await east.get("session"))?.value as {
      linkKey: string;
      expelled: unknown;
    };
    assert.match(session.linkKey, /^[0-9a-f]{64}$/);
    assert.notEqual(session.linkKey, before.linkKey);
    assert.deepEqual(session.expelled, [{ site: "south", instance: 7 }]);
    assert.deepEqual(seen, [before.linkKey]);
    assert.equal(await directory.get("sites/south"), undefined);
    assert.notEqual(await directory.get("sites/east"), undefined);
    for (const token of [south.token, own.token]) {
      const again = await member("south", token);
      await assert.rejects(again.get("session"), { code: "token-revoked" });
    }
    // A new token gets the name.
    const next = (await tokens.create(admin, { ...SOUTH, name: "next" })).token;
    await joinAs(await member("south", next), "south");
  }));

test("[A44] a site is put out though the token that it came with has expired, and its record is gone", () =>
  withSession(async ({ member, tokens, admin, directory, passes }) => {
    const short = await tokens.create(admin, { ...SOUTH, name: "short", expiresInMs: 60_000 });
    const south = await member("south", short.token);
    await joinAs(south, "south");
    await south.request("renew-membership", { authority: south.token, site: "south" });
    await passes(61_000);
    await directory.delete(`access/tokens/${short.record.id}`);
    const revoked = await tokens.revoke(admin, { name: "site south" });
    assert.ok(revoked.includes(short.record.id));
    assert.equal((await south.dismissed).code, "token-revoked");
  }));

test("[A44] a token that sites share stays, when one of them is put out by its own", () =>
  withSession(async ({ member, tokens, admin, directory }) => {
    const south = await member("south");
    const west = await member("west");
    for (const [site, name] of [
      [south, "south"],
      [west, "west"],
    ] as const) {
      await joinAs(site, name);
      await site.request("renew-membership", { authority: site.token, site: name });
    }
    const own = (await tokens.list(admin)).filter(({ name }) => name === "site west");
    assert.equal(own.length, 1);
    assert.deepEqual(await tokens.revoke(admin, { name: "site west" }), [own[0]?.id]);
    await west.dismissed;
    await south.get("session");
    assert.notEqual(await directory.get("sites/south"), undefined);
    const owner = (await directory.get("access/members/south"))?.value as { lineage: string };
    await tokens.revoke(admin, { id: owner.lineage });
    await south.dismissed;
  }));

test("[A45] another key of the session voids tokens and names of before", () =>
  withSession(async ({ member, tokens, admin, directory, reopen, noted }) => {
    const south = await member("south");
    await joinAs(south, "south");
    const { record } = await tokens.create(admin, { ...SOUTH, name: "another" });
    await tokens.revoke(admin, { id: record.id });
    const lines = await reopen({ withKey: true });
    assert.notEqual(await directory.get("access/members/south"), undefined);
    assert.deepEqual(lines, []);
    const [line] = await reopen({ withKey: false });
    assert.match(line ?? "", /new key/);
    assert.deepEqual(
      noted.filter(({ what }) => what === "session.key").map(({ by, verdict }) => [by, verdict]),
      [["site:lead", "allowed"]],
    );
    for (const prefix of ["access/members/", "access/revoked/"])
      assert.deepEqual(await directory.list(prefix), []);
    await assert.rejects(tokens.list(admin), { code: "token-foreign" });
  }));

function assertDenied(
  noted: readonly AuditFacts[],
  wanted: readonly (readonly [by: string, what: string, on: string, rule: string])[],
): void {
  const denied = noted
    .filter(({ verdict }) => verdict === "denied")
    .map(({ by, what, on, rule }) => JSON.stringify([by, what, on, rule]));
  for (const each of wanted) assert.ok(denied.includes(JSON.stringify(each)), `${each}\n${denied}`);
}

const SOUTH = { name: "site south", can: ["join" as const], channels: [], expiresInMs: HOUR };

/** A client of the session's directory, which does what the test says. */
type Member = DirectoryClient & {
  readonly token: string;
  /** Settles when it is sent away. */
  readonly dismissed: Promise<MeanderError>;
};

interface Session {
  readonly directory: EmbeddedDirectory;
  readonly tokens: TokenService;
  /** The administrator's token. */
  readonly admin: string;
  /** Connects as a site; by default with one token for `south`. */
  member(site: string | undefined, token?: string): Promise<Member>;
  /** What the audit log would have. */
  readonly noted: readonly AuditFacts[];
  /** The leader starts again. @returns its warnings */
  reopen(how: { readonly withKey: boolean }): Promise<string[]>;
  /** Lets time pass, in steps in which messages arrive. */
  passes(ms: number): Promise<void>;
}

async function withSession(use: (session: Session) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "meander-led-"));
  const clock = new VirtualClock(0, NOW);
  const random = new SeededRandom(3);
  const options = { clock, random, log: SILENT };
  const directory = await EmbeddedDirectory.open({ ...options, store: new MemoryStore() });
  const access = new SiteAccess({ ...options, mode: undefined, isLocal: true, onRules() {} });
  const noted: AuditFacts[] = [];
  const audit = { note: (facts: AuditFacts): void => void noted.push(facts) };
  const open = (log: Log): Promise<LedSession> =>
    LedSession.open({
      ...{ ...options, directory, folder, access, log, audit },
      self: { site: "lead", instance: 1 },
      policy: { mode: "tokens", public: [] },
      ...{ isEnded: async () => false, judge: NO_JUDGE, onLed: () => {} },
    });
  let led = await open(SILENT);
  const admin = readFileSync(join(folder, ADMIN_TOKEN_FILE), "utf8").trim();
  const tokens = tokenServiceOver((subject, payload) => directory.request(subject, payload));
  const { token: given } = await tokens.create(admin, SOUTH);
  const clients: DirectoryClient[] = [];
  const member = async (site: string | undefined, token = given): Promise<Member> => {
    let dismiss: (error: MeanderError) => void = () => {};
    const dismissed = new Promise<MeanderError>((resolve) => {
      dismiss = resolve;
    });
    const client = new DirectoryClient({
      ...{ ...options, site, token: () => token, onDismissed: dismiss },
      dial: async () => {
        const [near, far] = memorySocketPair();
        led.accept(far, "192.0.2.7");
        return near;
      },
    });
    clients.push(client);
    return Object.assign(client, { token, dismissed });
  };
  const reopen = async ({ withKey }: { readonly withKey: boolean }): Promise<string[]> => {
    led.stop();
    access.stop();
    if (!withKey) rmSync(join(folder, "access-key.json"));
    const lines: string[] = [];
    led = await open(logOver((severity, message) => severity === "warn" && lines.push(message)));
    return lines;
  };
  const passes = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 500) {
      clock.advance(Math.min(left, 500));
      for (let turn = 0; turn < 5; turn++)
        await new Promise<void>((resolve) => setImmediate(resolve));
    }
  };
  try {
    await use({ directory, tokens, admin, member, passes, reopen, noted });
  } finally {
    for (const client of clients) await client[Symbol.asyncDispose]();
    led.stop();
    access.stop();
    await directory[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  }
}

async function joinAs(member: Member, name: string): Promise<Json> {
  const { id: lease } = await member.grantLease(15_000);
  const http = { host: "127.0.0.1", port: 7_001 };
  const about = { pid: 1, version: "0", startedAt: NOW };
  return await member.request("join", {
    site: { name, instance: 7, http, udp: http, ...about },
    lease,
  });
}
