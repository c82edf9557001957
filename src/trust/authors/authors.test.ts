import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MeanderError } from "../../base/index.ts";
import { checkAtOnce, makeAuthor, sha256Of } from "./author.test.support.ts";
import { AuthorKey } from "./author-key.ts";
import { checkEnvelope } from "./check-envelope.ts";
import { type Envelope, readEnvelope, signedText } from "./envelope.ts";

const NOW = Date.UTC(2026, 10, 30);
const SOURCE = "export default { on: { append: () => 1 } };\n";
const USE = {
  kind: "agent",
  sha256: sha256Of(SOURCE),
  session: "S".repeat(43),
  scope: "streams/radio",
  now: NOW,
} as const;
const CLAIMS = { kind: "agent", issuedAt: NOW, notAfter: NOW + 1_000, scope: "streams/radio" };

async function codeOf(check: Promise<unknown>): Promise<string> {
  try {
    await check;
    return "none";
  } catch (error) {
    if (error instanceof MeanderError) return error.code;
    throw error;
  }
}

test("[A70] what a key made by Web Crypto signs is taken, by any check of Ed25519", async () => {
  const key = await AuthorKey.read(await AuthorKey.create(), "test");
  const envelope = await key.vouch(SOURCE, CLAIMS);
  assert.equal(envelope.sha256, sha256Of(SOURCE));
  assert.equal(await checkEnvelope(envelope, USE, checkAtOnce), key.id);
  assert.deepEqual(readEnvelope(JSON.parse(JSON.stringify(envelope))), envelope);
});

test("[A70] each way in which an envelope does not fit has its code", async () => {
  const author = makeAuthor();
  const other = makeAuthor();
  const good = await author.vouch(SOURCE, { ...CLAIMS, session: USE.session });
  assert.equal(await codeOf(checkEnvelope(good, USE, checkAtOnce)), "none");
  const cases: readonly [string, Envelope, Partial<typeof USE> | { readonly now: number }][] = [
    ["author-mismatch", good, { sha256: sha256Of("other") }],
    ["author-mismatch", good, { kind: "policy" as "agent" }],
    ["author-foreign", good, { session: "T".repeat(43) }],
    ["author-foreign", good, { scope: "streams/tv" as "streams/radio" }],
    ["author-expired", good, { now: NOW + 1_001 }],
    ["author-early", good, { now: NOW - 60_001 }],
    ["author-forged", { ...good, author: other.id }, {}],
    ["author-forged", { ...good, sha256: sha256Of("other") }, { sha256: sha256Of("other") }],
    ["author-forged", { ...good, notAfter: NOW + 9_000 }, {}],
  ];
  for (const [code, envelope, use] of cases)
    assert.equal(await codeOf(checkEnvelope(envelope, { ...USE, ...use }, checkAtOnce)), code);
});

test("[A70] a scope may be a pattern, and without one an envelope counts anywhere", async () => {
  const author = makeAuthor();
  for (const scope of ["streams/ra*", "streams/*", undefined]) {
    const envelope = await author.vouch(SOURCE, { kind: "agent", issuedAt: NOW, scope });
    assert.equal(await codeOf(checkEnvelope(envelope, USE, checkAtOnce)), "none");
  }
});

test("[A70] hostile values are malformed, and nothing else", () => {
  const malformed = (value: unknown): boolean => {
    try {
      readEnvelope(value);
      return false;
    } catch (error) {
      return error instanceof MeanderError && error.code === "author-malformed";
    }
  };
  fc.assert(fc.property(fc.anything(), (value) => assert.ok(malformed(value))));
});

test("[A70] no change to a signed envelope is taken", async () => {
  const author = makeAuthor();
  const envelope = await author.vouch(SOURCE, CLAIMS);
  const keys = Object.keys(envelope) as (keyof Envelope)[];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...keys), fc.nat(200), fc.nat(61), async (key, at, to) => {
      const text = `${envelope[key]}`;
      const letter = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[to] ?? "";
      const index = at % text.length;
      const changed = text.slice(0, index) + letter + text.slice(index + 1);
      if (changed === text) return;
      const value = typeof envelope[key] === "number" ? Number(changed) : changed;
      const check = async (): Promise<string> => {
        const forged = readEnvelope({ ...envelope, [key]: value });
        const { kind, sha256, scope = "" } = forged;
        return await checkEnvelope(forged, { ...USE, kind, sha256, scope } as never, checkAtOnce);
      };
      assert.match(await codeOf(check()), /^author-(forged|malformed)$/);
    }),
  );
});

test("[A70] two envelopes never have one text to sign", () => {
  const part = fc.constantFrom(undefined, "a", "b", "streams/a");
  const envelopes = fc.record({
    kind: fc.constantFrom("agent", "policy"),
    sha256: fc.constantFrom("0".repeat(64), "1".repeat(64)),
    author: fc.constantFrom("ed25519:a", "ed25519:b"),
    issuedAt: fc.nat(20),
    notAfter: fc.option(fc.nat(20), { nil: undefined }),
    session: part,
    scope: part,
  });
  fc.assert(
    fc.property(envelopes, envelopes, (one, other) => {
      assert.equal(
        signedText(one) === signedText(other),
        JSON.stringify(one) === JSON.stringify(other),
      );
    }),
  );
});

test("[A70] a file that is no key is refused without a word of what it says", async () => {
  const secret = await AuthorKey.create();
  const { x } = JSON.parse(await AuthorKey.create());
  const mixed = JSON.stringify({ ...JSON.parse(secret), x });
  for (const text of ["", "{", '{"kty":"OKP"}', mixed, secret.replace('"d"', '"e"')]) {
    const { d = "?" } = JSON.parse(secret) as { d?: string };
    await assert.rejects(AuthorKey.read(text, "key.json"), (error: unknown) => {
      assert.ok(error instanceof MeanderError);
      assert.equal(error.code, "author-key-invalid");
      assert.ok(!error.message.includes(d) && !error.message.includes(x));
      return true;
    });
  }
});
