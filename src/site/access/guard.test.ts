import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { base64url, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { LIMITS, type MeanderError, VirtualClock } from "../../base/index.ts";
import { matchesChannel, type Right } from "../../session/index.ts";
import { AddressMeter } from "./address-meter.ts";
import { addressOf } from "./address-of.ts";
import type { Grant, Need } from "./grant.ts";
import { type Decision, Guard, type GuardRules } from "./guard.ts";
import { SessionKey } from "./session-key.ts";

const NOW = Date.UTC(2026, 10, 22);
const HOUR = 3_600_000;
const WATCH: Need = { anyOf: ["watch"], channel: "sports/final" };
const ADMINISTER: Need = { anyOf: ["administer"] };
const FROM = "192.0.2.7";

let folder: string;
let key: SessionKey;
let otherKey: SessionKey;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-access-"));
  key = await SessionKey.open(join(folder, "one"));
  otherKey = await SessionKey.open(join(folder, "other"));
});
after(() => rm(folder, { recursive: true }));

interface Rig {
  readonly clock: VirtualClock;
  readonly guard: Guard;
  setRules(more: Partial<GuardRules>): void;
  /** The code of a refusal; undefined: granted. */
  ask(token: string | undefined, need?: Need, address?: string): Promise<string | undefined>;
}

function rig(more: Partial<GuardRules> = {}): Rig {
  const clock = new VirtualClock(0, NOW);
  const guard = new Guard({ clock });
  const setRules = (rules: Partial<GuardRules>): void =>
    guard.setRules({
      ...{ mode: "tokens", public: [], revoked: [], ownToken: "f".repeat(64), key: key.public },
      ...rules,
    });
  setRules(more);
  return {
    clock,
    guard,
    setRules,
    ask: async (token, need = WATCH, address = FROM) => {
      const decision: Decision = await guard.decide({ token, address }, need);
      return decision.type === "refused" ? decision.error.code : undefined;
    },
  };
}

function tokenOf(more: Partial<Grant> = {}, by: SessionKey = key): Promise<string> {
  return by.sign({
    ...{ id: "0123456789abcdef", name: "alice", can: ["watch"], channels: ["sports/*"] },
    ...{ streams: [], sites: [] },
    ...{ notBefore: NOW, createdAt: NOW, expiresAt: NOW + HOUR, via: undefined },
    ...more,
  });
}

test("[A4] rights and patterns decide, and administer includes everything", async () => {
  const { ask } = rig();
  const alice = await tokenOf();
  assert.equal(await ask(alice), undefined);
  assert.equal(await ask(alice, { anyOf: ["watch"], channel: "news" }), "token-denied");
  assert.equal(await ask(alice, { anyOf: ["publish"], channel: "sports/final" }), "token-denied");
  assert.equal(await ask(alice, { anyOf: ["watch", "publish"], channel: "sports/a/b" }), undefined);
  assert.equal(await ask(alice, { anyOf: [] }), undefined);
  assert.equal(await ask(alice, ADMINISTER), "token-denied");
  const boss = await tokenOf({ can: ["administer"], channels: [] });
  for (const right of ["watch", "publish", "join", "administer"] as const)
    assert.equal(await ask(boss, { anyOf: [right], channel: "anything" }), undefined);
  const member = await tokenOf({ can: ["join"], channels: [] });
  assert.equal(await ask(member, { anyOf: ["join"] }), undefined);
  assert.equal(await ask(member), "token-denied");
});

test("[A4] a pattern means a name, all below it, or all", () => {
  assert.equal(matchesChannel(["news"], "news"), true);
  assert.equal(matchesChannel(["news"], "news/uk"), false);
  assert.equal(matchesChannel(["news/*"], "news/uk/late"), true);
  assert.equal(matchesChannel(["news/*"], "news"), false);
  assert.equal(matchesChannel(["news/*"], "newsroom"), false);
  assert.equal(matchesChannel(["*"], "a/b"), true);
  assert.equal(matchesChannel([], "a"), false);
});

test("[A7] what is wrong with a token has a code", async () => {
  const { ask, setRules, guard } = rig();
  assert.equal(await ask(undefined), "token-required");
  assert.equal(await ask(""), "token-required");
  assert.equal(await ask("abc"), "token-malformed");
  assert.equal(await ask("x".repeat(LIMITS.tokenCharactersMax + 1)), "token-malformed");
  assert.equal(await ask(await tokenOf({ expiresAt: NOW })), "token-expired");
  assert.equal(await ask(await tokenOf({ notBefore: NOW + 60_000 })), "token-early");
  assert.equal(await ask(await tokenOf({ notBefore: NOW + 4_000 })), undefined);
  assert.equal(await ask(await tokenOf({}, otherKey)), "token-foreign");
  const good = await tokenOf();
  assert.equal(await ask(good), undefined);
  setRules({ revoked: ["0123456789abcdef"] });
  assert.equal(await ask(good), "token-revoked");
  const child = await tokenOf({ id: "fedcba9876543210", via: "0123456789abcdef" });
  assert.equal(await ask(child), "token-revoked");
  assert.equal(guard.counts.get("token-required"), 2);
  assert.equal(guard.counts.get("token-revoked"), 2);
});

test("[A2] changed, unsigned and otherwise signed tokens are forged", async () => {
  const { ask } = rig();
  const good = await tokenOf();
  const [head = "", body = "", signature = ""] = good.split(".");
  const claims = JSON.parse(new TextDecoder().decode(base64url.decode(body))) as object;
  const kid = key.public.id;
  const changed = base64url.encode(JSON.stringify({ ...claims, channels: ["*"] }));
  assert.equal(await ask(`${head}.${changed}.${signature}`), "token-forged");
  assert.equal(await ask(new UnsecuredJWT({ ...claims }).encode()), "token-forged");
  const none = base64url.encode(JSON.stringify({ alg: "none", typ: "JWT", kid }));
  assert.equal(await ask(`${none}.${changed}.`), "token-forged");
  // The classical confusion: the public key taken for a secret.
  const secret = base64url.decode(key.public.x);
  const hmac = new SignJWT({ ...claims }).setProtectedHeader({ alg: "HS256", typ: "JWT", kid });
  assert.equal(await ask(await hmac.sign(secret)), "token-forged");
  // Another key that says that it is ours.
  const { privateKey } = await generateKeyPair("EdDSA", { extractable: true });
  const liar = new SignJWT({ ...claims }).setProtectedHeader({ alg: "EdDSA", typ: "JWT", kid });
  assert.equal(await ask(await liar.sign(privateKey)), "token-forged");
  assert.notEqual((await exportJWK(privateKey)).x, key.public.x);
});

test("[A2] what the session's key has signed as something else is no token", async () => {
  const { ask } = rig();
  const jwk = JSON.parse(await readFile(join(folder, "one", "access-key.json"), "utf8")) as object;
  const header = { alg: "EdDSA", kid: key.public.id };
  const sign = (claims: object, typ: string): Promise<string> =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ ...header, typ })
      .sign(jwk as Parameters<SignJWT["sign"]>[0]);
  const claims = {
    jti: "0123456789abcdef",
    sub: "a",
    can: ["watch"],
    channels: ["*"],
    iat: 1,
    exp: 9e9,
  };
  assert.equal(await ask(await sign(claims, "JWT")), undefined);
  assert.equal(await ask(await sign(claims, "at+jwt")), "token-forged");
  for (const part of ["jti", "sub", "can", "channels", "iat", "exp"]) {
    const less = Object.fromEntries(Object.entries(claims).filter(([name]) => name !== part));
    assert.equal(await ask(await sign(less, "JWT")), "token-malformed", `without ${part}`);
  }
  assert.equal(await ask(await sign({ ...claims, can: ["rule"] }, "JWT")), "token-malformed");
});

test("any text for a token is refused with a code, and never throws", async () => {
  const { guard } = rig();
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.array(fc.base64String(), { maxLength: 4 }).map((a) => a.join(".")),
      ),
      fc.ipV4(),
      async (token, address) => {
        const decision = await guard.decide({ token, address }, WATCH);
        assert.equal(decision.type, "refused");
      },
    ),
    { numRuns: 200 },
  );
});

test("[A1] an open site requires no token, except for operations that always do", async () => {
  const { guard, ask } = rig({ mode: "open" });
  assert.equal(await ask(undefined, ADMINISTER), undefined);
  assert.equal(await ask("nonsense", ADMINISTER), undefined);
  const always = async (token: string | undefined): Promise<string> => {
    const decision = await guard.decide({ token, address: FROM }, ADMINISTER, { always: true });
    return decision.type;
  };
  assert.equal(await always(undefined), "refused");
  assert.equal(await always(await tokenOf()), "refused");
  assert.equal(await always(await tokenOf({ can: ["administer"] })), "granted");
});

test("[A5] public channels are watched without a token, and a bad one is still bad", async () => {
  const { ask } = rig({ public: ["news", "open/*"] });
  assert.equal(await ask(undefined, { anyOf: ["watch"], channel: "open/a" }), undefined);
  assert.equal(await ask(undefined, { anyOf: ["publish"], channel: "news" }), "token-required");
  assert.equal(await ask(undefined, { anyOf: ["watch"], channel: "old" }), "token-required");
  assert.equal(await ask(undefined, ADMINISTER), "token-required");
  const expired = await tokenOf({ expiresAt: NOW, channels: ["*"] });
  assert.equal(await ask(expired, { anyOf: ["watch"], channel: "news" }), "token-expired");
});

test("the site's own token is valid for the site alone", async () => {
  const { ask, guard } = rig();
  assert.equal(await ask("f".repeat(64)), undefined);
  assert.equal(await ask(`${"f".repeat(63)}e`), "token-malformed");
  const decision = await guard.decide({ token: "f".repeat(64), address: FROM }, WATCH);
  assert.ok(decision.type === "granted" && decision.grant !== undefined);
});

test("[A8] what was begun ends at the time, on revocation, and when the rules change", async () => {
  const { clock, guard, setRules } = rig();
  const ended: string[] = [];
  const hold = async (name: string, more: Partial<Grant>): Promise<() => void> => {
    const decision = await guard.decide({ token: await tokenOf(more), address: FROM }, WATCH);
    assert.ok(decision.type === "granted");
    return guard.book.hold(decision.grant, WATCH, (error: MeanderError) =>
      ended.push(`${name} ${error.code}`),
    );
  };
  await hold("first", { id: "aaaaaaaaaaaaaaaa", expiresAt: NOW + 10_000 });
  await hold("second", { id: "bbbbbbbbbbbbbbbb", expiresAt: NOW + 400 * 24 * HOUR });
  const leave = await hold("third", { id: "cccccccccccccccc", expiresAt: NOW + 10_000 });
  leave();
  clock.advance(9_990);
  assert.equal(ended.length, 0);
  clock.advance(50);
  assert.deepEqual(ended, ["first token-expired"]);
  setRules({ revoked: ["bbbbbbbbbbbbbbbb"] });
  assert.deepEqual(ended, ["first token-expired", "second token-revoked"]);
  assert.equal(guard.book.size, 0);
  setRules({ mode: "open" });
  guard.book.hold(undefined, WATCH, (error) => ended.push(`fourth ${error.code}`));
  setRules({ mode: "tokens", public: ["sports/*"] });
  assert.equal(ended.length, 2);
  setRules({ mode: "tokens" });
  assert.equal(ended.at(-1), "fourth token-required");
  guard.book.close();
});

test("[A11] an address that shows bad tokens is throttled, others and known tokens are not", async () => {
  const { clock, ask } = rig();
  const good = await tokenOf();
  assert.equal(await ask(good), undefined);
  const forged = (index: number): string =>
    good.replace(/[^.]*$/, `${index}`.padStart(4, "A").padEnd(86, "A"));
  // What cannot be a token costs nothing to refuse.
  for (let index = 0; index < 2 * LIMITS.tokenFailuresMax; index++)
    assert.equal(await ask(`bad${index}`), "token-malformed");
  for (let index = 0; index < LIMITS.tokenFailuresMax; index++)
    assert.equal(await ask(forged(index)), "token-forged");
  assert.equal(await ask(forged(-1)), "token-throttled");
  const unseen = await tokenOf({ id: "eeeeeeeeeeeeeeee" });
  assert.equal(await ask(unseen), "token-throttled");
  assert.equal(await ask(good), undefined, "one that was checked before");
  assert.equal(await ask(forged(-2), WATCH, "192.0.2.8"), "token-forged");
  clock.advance(1_500);
  assert.equal(await ask(unseen), undefined);
});

test("[A11] the table of addresses is bounded, and an IPv6 network is one address", () => {
  const clock = new VirtualClock();
  const meter = new AddressMeter(clock, { max: LIMITS.tokenFailuresMax, forgivenMs: 1_000 });
  for (let index = 0; index < LIMITS.tokenAddressesMax + 100; index++)
    meter.add(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`);
  assert.equal(meter.size, LIMITS.tokenAddressesMax);
  for (let index = 0; index < LIMITS.tokenFailuresMax; index++)
    meter.add(`2001:db8::${index.toString(16)}`);
  assert.equal(meter.allows("2001:db8:0:0:ffff::1"), false);
  assert.equal(meter.allows("2001:db8:0:1::1"), true);
});

test("a peer's address is its IP address alone", () => {
  assert.equal(addressOf("192.0.2.1:7000"), "192.0.2.1");
  assert.equal(addressOf("[2001:db8::1]:7000"), "2001:db8::1");
  assert.equal(addressOf("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(addressOf("2001:db8::1"), "2001:db8::1");
});

test("[A2] the key is made once, for its owner alone, and a damaged one is told without its text", async () => {
  const again = await SessionKey.open(join(folder, "one"));
  assert.deepEqual(again.public, key.public);
  const file = join(folder, "one", "access-key.json");
  assert.equal((await stat(file)).mode & 0o077, 0);
  const { d } = JSON.parse(await readFile(file, "utf8")) as { d: string };
  const { writeSecret } = await import("./secret-file.ts");
  await writeSecret(join(folder, "broken", "access-key.json"), `{"d":"${d}"`);
  await assert.rejects(SessionKey.open(join(folder, "broken")), (error: MeanderError) => {
    assert.equal(error.code, "access-key-invalid");
    assert.doesNotMatch(error.message, new RegExp(d));
    return true;
  });
});

test("[A3] a token that would be too long is not made", async () => {
  const channels = Array.from({ length: 16 }, (_, index) => `${index}/${"x".repeat(96)}`);
  await assert.rejects(tokenOf({ channels }), { code: "token-too-large" });
  const can: readonly Right[] = ["watch"];
  assert.ok((await tokenOf({ can })).length < 500);
});
