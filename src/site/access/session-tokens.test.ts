import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type MeanderError, SeededRandom, SILENT, VirtualClock } from "../../base/index.ts";
import { EmbeddedDirectory, MemoryStore } from "../../directory/embedded/index.ts";
import { type Json, LEADER_CALLER } from "../../directory/index.ts";
import { BARRED_KEYS, barredOwnerSchema } from "../../session/index.ts";
import { MemberCredential } from "./member-credential.ts";
import { SessionKey } from "./session-key.ts";
import { SiteAccess } from "./site-access.ts";
import { ADMIN_TOKEN_FILE, TokenIssuer } from "./token-issuer.ts";
import { type TokenService, tokenServiceOver } from "./token-service.ts";

const NOW = Date.UTC(2026, 10, 22);
const DAY = 86_400_000;

let root: string;
let count = 0;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "meander-tokens-"));
});
after(() => rm(root, { recursive: true }));

interface Rig {
  readonly clock: VirtualClock;
  readonly directory: EmbeddedDirectory;
  readonly access: SiteAccess;
  readonly desk: TokenIssuer;
  readonly tokens: TokenService;
  readonly folder: string;
  /** Whose agents were stopped, or let run again. */
  readonly stops: readonly string[];
  admin(): Promise<string>;
  codeOf(token: string, right?: "watch" | "join" | "administer"): Promise<string | undefined>;
}

async function withRig(use: (rig: Rig) => Promise<void>): Promise<void> {
  const folder = join(root, `${++count}`);
  const clock = new VirtualClock(0, NOW);
  const random = new SeededRandom(count);
  const directory = await EmbeddedDirectory.open({
    store: new MemoryStore(),
    clock,
    random,
    log: SILENT,
  });
  const access = new SiteAccess({
    ...{ mode: undefined, isLocal: true, clock, random, log: SILENT },
    onRules() {},
  });
  const key = await SessionKey.open(folder);
  await directory.put("access/policy", { mode: "tokens", public: [], key: key.public });
  await access.start(directory);
  const expelled: string[] = [];
  const expel = async (sites: readonly string[]): Promise<void> => void expelled.push(...sites);
  const stops: string[] = [];
  const stopped = (owner: string, is: boolean): void => void stops.push(`${owner} ${is}`);
  const about = { directory, key, guard: access.guard, folder, site: "north", expel, stopped };
  const desk = new TokenIssuer({ ...about, clock, random, log: SILENT });
  await desk.start();
  directory.setRequestHandler((...asked) => desk.handle(...asked));
  try {
    await use({
      ...{ clock, directory, access, desk, folder, stops },
      tokens: tokenServiceOver((subject, payload) => desk.handle(subject, payload, LEADER_CALLER)),
      admin: async () => (await readFile(join(folder, ADMIN_TOKEN_FILE), "utf8")).trim(),
      codeOf: async (token, right = "administer") => {
        const asker = { token, address: "192.0.2.1" };
        const decision = await access.guard.decide(asker, { anyOf: [right] });
        return decision.type === "refused" ? decision.error.code : undefined;
      },
    });
  } finally {
    desk.stop();
    access.stop();
    await directory[Symbol.asyncDispose]();
  }
}

const WATCH = { name: "alice", can: ["watch" as const], channels: ["*"], expiresInMs: DAY };

test("[A9] the leader's own token is in its folder, for its owner alone, and administers", () =>
  withRig(async ({ admin, codeOf, folder, tokens }) => {
    assert.equal((await stat(join(folder, ADMIN_TOKEN_FILE))).mode & 0o077, 0);
    assert.equal(await codeOf(await admin()), undefined);
    assert.deepEqual(
      (await tokens.list(await admin())).map(({ name }) => name),
      ["leader north"],
    );
  }));

test("[A9] tokens are made, listed without their text, and revoked by id or by name", () =>
  withRig(async ({ tokens, admin, codeOf, directory }) => {
    const boss = await admin();
    const one = await tokens.create(boss, WATCH);
    const two = await tokens.create(boss, WATCH);
    assert.equal(await codeOf(one.token, "watch"), undefined);
    const kept = JSON.stringify([await directory.list(""), await tokens.list(boss)]);
    assert.equal(kept.includes(one.token.split(".")[2] ?? "-"), false);
    assert.deepEqual(await tokens.revoke(boss, { id: one.record.id }), [one.record.id]);
    assert.equal(await codeOf(one.token, "watch"), "token-revoked");
    assert.equal(await codeOf(two.token, "watch"), undefined);
    assert.deepEqual(await tokens.revoke(boss, { name: "alice" }), [two.record.id]);
    assert.equal(await codeOf(two.token, "watch"), "token-revoked");
    await assert.rejects(tokens.revoke(boss, { name: "alice" }), { code: "token-unknown" });
    const states = (await tokens.list(boss)).map(({ name, revokedAt }) => [
      name,
      revokedAt !== null,
    ]);
    assert.deepEqual(states, [
      ["leader north", false],
      ["alice", true],
      ["alice", true],
    ]);
  }));

test("[A9] the leader trusts no site: each request presents a token that administers", () =>
  withRig(async ({ tokens, admin, desk }) => {
    const { token } = await tokens.create(await admin(), { ...WATCH, can: ["watch", "join"] });
    for (const authority of ["", "nonsense", token]) {
      await assert.rejects(tokens.create(authority, WATCH), { code: /^token-/ });
      await assert.rejects(tokens.list(authority), { code: /^token-/ });
      await assert.rejects(tokens.revoke(authority, { name: "alice" }), { code: /^token-/ });
    }
    const odd: Json[] = [null, 1, {}, { authority: 1 }, { authority: await admin() }];
    for (const payload of odd)
      await assert.rejects(desk.handle("create-token", payload, LEADER_CALLER), {
        code: "request-invalid",
      });
    const nowhere = { ...WATCH, channels: [] };
    await assert.rejects(tokens.create(await admin(), nowhere), { code: "request-invalid" });
    for (const channel of ["../x", "a b", "*/x", "a*"])
      await assert.rejects(tokens.create(await admin(), { ...WATCH, channels: [channel] }), {
        code: "request-invalid",
      });
  }));

test("[A9] the leader's token is renewed before it expires, and when it is revoked", () =>
  withRig(async ({ clock, admin, desk, tokens, codeOf }) => {
    const first = await admin();
    clock.advance(14 * DAY);
    await desk.start();
    assert.equal(await admin(), first);
    clock.advance(2 * DAY);
    desk.stop();
    await desk.start();
    const second = await admin();
    assert.notEqual(second, first);
    await tokens.revoke(second, { name: "leader north" });
    const third = await admin();
    assert.equal(await codeOf(second), "token-revoked");
    assert.equal(await codeOf(third), undefined);
  }));

test("what has expired is removed, and a revocation stays as long as what came from the token", () =>
  withRig(async ({ clock, desk, directory, tokens, admin }) => {
    const boss = await admin();
    const { record } = await tokens.create(boss, { ...WATCH, expiresInMs: 3_600_000 });
    await tokens.revoke(boss, { id: record.id });
    clock.advance(2 * DAY);
    desk.stop();
    await desk.start();
    const keys = async (prefix: string): Promise<string[]> =>
      (await directory.list(prefix)).map(({ key }) => key);
    assert.equal((await keys("access/tokens/")).includes(`access/tokens/${record.id}`), false);
    assert.deepEqual(await keys("access/revoked/"), [`access/revoked/${record.id}`]);
    clock.advance(6 * DAY);
    desk.stop();
    await desk.start();
    assert.deepEqual(await keys("access/revoked/"), []);
  }));

test("[A10] a member comes back with a token of its own, which goes with the one that it came from", () =>
  withRig(async ({ clock, directory, tokens, admin, codeOf, folder }) => {
    const boss = await admin();
    const asked = { name: "south", can: ["join" as const], channels: [], expiresInMs: 60_000 };
    const { token: given, record } = await tokens.create(boss, asked);
    const about = { folder: join(folder, "south"), site: "south", clock, log: SILENT };
    const member = await MemberCredential.open({ ...about, given });
    assert.equal(member.token, given);
    await member.keep(directory);
    const own = member.token ?? "";
    assert.notEqual(own, given);
    assert.equal((await stat(join(folder, "south", "member-token"))).mode & 0o077, 0);
    member.close();
    clock.advance(2 * 60_000);
    assert.equal(await codeOf(given, "join"), "token-expired");
    assert.equal(await codeOf(own, "join"), undefined);
    assert.equal(await codeOf(own, "administer"), "token-denied");
    const later = await MemberCredential.open({ ...about, given: undefined });
    assert.equal(later.token, own);
    await later.keep(directory);
    const next = later.token ?? "";
    later.close();
    assert.notEqual(next, own);
    await tokens.revoke(boss, { name: "site south" });
    assert.equal(await codeOf(next, "join"), "token-revoked");
    await directory.put(`access/revoked/${record.id}`, { at: 0, expiresAt: 0 });
  }));

test("[A10] when what a member has kept is refused, it shows what it was given, and the other way round", async () => {
  const clock = new VirtualClock(0, NOW);
  const folder = join(root, "kept");
  const { writeSecret } = await import("./secret-file.ts");
  await writeSecret(join(folder, "member-token"), "kept\n");
  const about = { folder, site: "south", clock, log: SILENT };
  const member = await MemberCredential.open({ ...about, given: "given" });
  assert.equal(member.token, "kept");
  assert.equal(member.refused(), true);
  assert.equal(member.token, "given");
  assert.equal(member.refused(), false);
  assert.equal(member.token, "kept");
  const alone = await MemberCredential.open({ ...about, given: undefined });
  assert.equal(alone.refused(), false);
  assert.equal(alone.token, "kept");
});

test("[A1] [A12] how a site goes by the session's rules, and by how it was started", async () => {
  const clock = new VirtualClock(0, NOW);
  const random = new SeededRandom(7);
  const modes = async (
    mode: "open" | "tokens" | undefined,
    isLocal: boolean,
    policy: "open" | "tokens" | undefined,
  ): Promise<string> => {
    const directory = await EmbeddedDirectory.open({
      store: new MemoryStore(),
      clock,
      random,
      log: SILENT,
    });
    const rules: string[] = [];
    const access = new SiteAccess({
      ...{ mode, isLocal, clock, random, log: SILENT },
      onRules: (each) => rules.push(each.mode),
    });
    const key = { id: "a".repeat(43), x: "a".repeat(43) };
    if (policy !== undefined)
      await directory.put("access/policy", { mode: policy, public: [], key });
    await access.start(directory);
    access.stop();
    await directory[Symbol.asyncDispose]();
    assert.equal(rules.at(-1), access.mode);
    return access.mode;
  };
  assert.equal(await modes(undefined, true, "open"), "open");
  assert.equal(await modes(undefined, true, "tokens"), "tokens");
  assert.equal(await modes(undefined, false, "open"), "tokens");
  assert.equal(await modes("open", false, "tokens"), "open");
  assert.equal(await modes("tokens", true, "open"), "tokens");
  assert.equal(await modes(undefined, false, undefined), "tokens");
  assert.equal(await modes(undefined, true, undefined), "open");
});

test("[A12] a site that never heard rules takes no token at all", async () => {
  const clock = new VirtualClock(0, NOW);
  const random = new SeededRandom(8);
  const directory = await EmbeddedDirectory.open({
    store: new MemoryStore(),
    clock,
    random,
    log: SILENT,
  });
  const about = { mode: undefined, isLocal: false, clock, random, log: SILENT };
  const access = new SiteAccess({ ...about, onRules() {} });
  await access.start(directory);
  const key = await SessionKey.open(join(root, "stranger"));
  const scopes = { channels: [], streams: [], sites: [] };
  const claims = { id: "0123456789abcdef", name: "a", can: ["administer" as const], ...scopes };
  const times = { createdAt: NOW, notBefore: NOW, expiresAt: NOW + DAY, via: undefined };
  const token = await key.sign({ ...claims, ...times });
  const decision = await access.guard.decide({ token, address: "" }, { anyOf: [] });
  assert.ok(decision.type === "refused");
  assert.match((decision.error as MeanderError).code, /^token-/);
  access.stop();
  await directory[Symbol.asyncDispose]();
});

test("[A75] agents stop when their owner has no token any more, and run again when it gets one", () =>
  withRig(async ({ tokens, admin, directory, stops, clock }) => {
    const boss = await admin();
    const one = await tokens.create(boss, WATCH);
    await tokens.create(boss, { ...WATCH, expiresInMs: 1_000 });
    await tokens.create(boss, WATCH);
    await tokens.revoke(boss, { id: one.record.id });
    assert.deepEqual(stops, [], "two others count");
    clock.advance(2_000);
    const barred = async (): Promise<(string | undefined)[]> =>
      (await directory.list(BARRED_KEYS)).map(
        ({ value }) => barredOwnerSchema.safeParse(value).data?.owner,
      );
    await tokens.revoke(boss, { name: "alice" });
    assert.deepEqual([stops, await barred()], [["subject:alice true"], ["subject:alice"]]);
    await tokens.create(boss, WATCH);
    assert.deepEqual([stops, await barred()], [["subject:alice true", "subject:alice false"], []]);
  }));
