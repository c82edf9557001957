import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SeededRandom } from "../../base/index.ts";
import {
  decodeHandshake,
  encodeHandshake,
  type HandshakeMessage,
  MESSAGE_BYTES_MAX,
  REFUSALS,
} from "./handshake-message.ts";
import { HandshakeReader } from "./handshake-reader.ts";
import { judgeProof } from "./judge-proof.ts";
import { acceptProof, dialProof, isSameProof, randomBytes } from "./link-proof.ts";

const bytes = (count: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: count, maxLength: count });
const siteInstance = fc.record(
  {
    site: fc.stringMatching(/^[a-z][a-z0-9-]{0,39}$/),
    instance: fc.integer({ min: 0, max: 0xffff_ffff }),
  },
  { noNullPrototype: true },
);
const message: fc.Arbitrary<HandshakeMessage> = fc.oneof(
  fc.record({ type: fc.constant("hello" as const), nonce: bytes(16) }, { noNullPrototype: true }),
  fc.record(
    { type: fc.constant("challenge" as const), nonce: bytes(16), challenge: bytes(16) },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      type: fc.constant("proof" as const),
      nonce: bytes(16),
      challenge: bytes(16),
      from: siteInstance,
      to: siteInstance,
      isSealed: fc.boolean(),
      proof: bytes(32),
    },
    { noNullPrototype: true },
  ),
  fc.record(
    { type: fc.constant("welcome" as const), nonce: bytes(16), token: bytes(8), proof: bytes(32) },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      type: fc.constant("refusal" as const),
      nonce: bytes(16),
      reason: fc.constantFrom(...REFUSALS),
    },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      type: fc.constant("data" as const),
      token: bytes(8),
      frames: fc.uint8Array({ maxLength: 40 }),
    },
    { noNullPrototype: true },
  ),
  fc.record(
    { type: fc.constant("unknownToken" as const), token: bytes(8) },
    { noNullPrototype: true },
  ),
);

test("[N2] every message comes back as it was, however the stream is cut", () => {
  fc.assert(
    fc.property(message, fc.integer({ min: 1, max: 90 }), bytes(3), (sent, step, behind) => {
      const encoded = encodeHandshake(sent);
      assert.ok(encoded.byteLength <= MESSAGE_BYTES_MAX);
      assert.deepEqual(decodeHandshake(encoded), sent);
      const stream = Uint8Array.from([...encoded, ...behind]);
      const reader = new HandshakeReader();
      for (let at = 0; ; at += step) {
        const read = reader.push(stream.slice(at, at + step));
        if (read === undefined) continue;
        assert.notEqual(read, "malformed");
        if (read === "malformed") return;
        assert.deepEqual(read.message, sent);
        assert.deepEqual(read.rest, stream.slice(encoded.byteLength, at + step));
        return;
      }
    }),
  );
});

test("[N2] a hello is as long as its answer", () => {
  const nonce = new Uint8Array(16);
  assert.equal(
    encodeHandshake({ type: "hello", nonce }).byteLength,
    encodeHandshake({ type: "challenge", nonce, challenge: nonce }).byteLength,
  );
});

test("[N2] bytes that are no message are told apart, whatever they are", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 700 }), (noise) => {
      assert.equal(decodeHandshake(noise), undefined);
      const read = new HandshakeReader().push(noise);
      assert.ok(read === undefined ? noise.byteLength < 8 : read === "malformed");
    }),
  );
});

test("[N2] a message with one byte changed, or some missing, is none, or another, but never an exception", () => {
  fc.assert(
    fc.property(
      message,
      fc.nat(),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (sent, at, cut, flip) => {
        const changed = encodeHandshake(sent);
        const index = at % changed.byteLength;
        changed[index] = (changed[index] as number) ^ flip;
        decodeHandshake(changed);
        const encoded = encodeHandshake(sent);
        assert.equal(decodeHandshake(encoded.subarray(0, cut % encoded.byteLength)), undefined);
      },
    ),
  );
});

test("[N3] a proof holds for its key, its challenge and its two places only", () => {
  const random = new SeededRandom(1);
  const attempt = {
    nonce: randomBytes(random, 16),
    challenge: randomBytes(random, 16),
    from: { site: "north", instance: 1 },
    to: { site: "south", instance: 2 },
    isSealed: true,
  };
  const self = { siteInstance: attempt.to, linkKey: "key" };
  const proof = dialProof("key", attempt);
  const sound = { type: "proof", ...attempt, proof } as const;
  const { challenge } = attempt;
  assert.equal(judgeProof(sound, challenge, self, true), undefined);
  assert.equal(judgeProof(sound, challenge, undefined, false), "not-joined");
  const other = { ...self, linkKey: "kex" };
  assert.equal(judgeProof(sound, challenge, other, false), "link-key-wrong");
  assert.equal(judgeProof(sound, randomBytes(random, 16), self, false), "bad-hello");
  for (const changed of [
    { from: { site: "nort", instance: 1 } },
    { from: { site: "north", instance: 2 } },
    { to: { site: "south", instance: 1 } },
    { nonce: randomBytes(random, 16) },
    { isSealed: false },
    { proof: acceptProof("key", attempt, new Uint8Array()) },
  ]) {
    assert.equal(judgeProof({ ...sound, ...changed }, challenge, self, false), "link-key-wrong");
  }
});

test("[N5] only who knows the key learns whether it asked the right site", () => {
  const nonce = new Uint8Array(16);
  const made = (to: { site: string; instance: number }, key: string) => {
    const from = { site: "north", instance: 1 };
    const attempt = { nonce, challenge: nonce, from, to, isSealed: false };
    return { type: "proof", ...attempt, proof: dialProof(key, attempt) } as const;
  };
  const self = { siteInstance: { site: "south", instance: 2 }, linkKey: "key" };
  const judge = (
    to: { site: string; instance: number },
    key: string,
    needsSeal = false,
  ): string | undefined => judgeProof(made(to, key), nonce, self, needsSeal);
  assert.equal(judge({ site: "west", instance: 2 }, "key"), "wrong-site");
  assert.equal(judge({ site: "south", instance: 3 }, "key"), "wrong-instance");
  assert.equal(judge({ site: "west", instance: 2 }, "other"), "link-key-wrong");
  assert.equal(judge({ site: "south", instance: 2 }, "key", true), "privacy-required");
  assert.equal(judge({ site: "south", instance: 2 }, "other", true), "link-key-wrong");
});

test("[N4] the answer's proof covers the token", () => {
  const siteInstance = { site: "a", instance: 1 };
  const nonce = new Uint8Array(16);
  const attempt = {
    nonce,
    challenge: nonce,
    from: siteInstance,
    to: siteInstance,
    isSealed: false,
  };
  const proof = acceptProof("key", attempt, Uint8Array.of(1));
  assert.equal(isSameProof(proof, acceptProof("key", attempt, Uint8Array.of(1))), true);
  assert.equal(isSameProof(proof, acceptProof("key", attempt, Uint8Array.of(2))), false);
  assert.equal(isSameProof(proof, dialProof("key", attempt)), false);
});
