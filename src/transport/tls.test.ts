import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatFingerprint,
  judgeCertificate,
  type PresentedCertificate,
  parseFingerprint,
  type TlsTrust,
} from "./tls.ts";

const NOW = Date.UTC(2026, 10, 22);
const DAY = 86_400_000;
const OURS = "ab".repeat(32);
const GOOD: PresentedCertificate = {
  ...{ fingerprint: OURS, names: "north.example, 192.0.2.1", issuer: "An Authority" },
  ...{ validFrom: NOW - DAY, validTo: NOW + DAY, fault: undefined },
};
const SELF_SIGNED = { ...GOOD, fault: "DEPTH_ZERO_SELF_SIGNED_CERT" };

function codeOf(presented: PresentedCertificate, trust: TlsTrust = {}): string | undefined {
  return judgeCertificate(presented, trust, { where: "north.example:7000", now: NOW })?.code;
}

test("what an authority has signed for the name is trusted", () => {
  assert.equal(codeOf(GOOD), undefined);
});

test("a certificate that was named is trusted, whichever issuer and name it has", () => {
  assert.equal(codeOf(SELF_SIGNED), "tls-untrusted");
  assert.equal(codeOf(SELF_SIGNED, { fingerprint: OURS }), undefined);
  assert.equal(
    codeOf({ ...GOOD, fault: "ERR_TLS_CERT_ALTNAME_INVALID" }, { fingerprint: OURS }),
    undefined,
  );
  assert.equal(codeOf(GOOD, { fingerprint: "cd".repeat(32) }), "tls-fingerprint-wrong");
});

test("a certificate of another time is not trusted, though it was named", () => {
  const old = { ...SELF_SIGNED, validTo: NOW - 1 };
  assert.equal(codeOf(old, { fingerprint: OURS }), "tls-expired");
  assert.equal(codeOf({ ...GOOD, validFrom: NOW + 1 }), "tls-expired");
});

test("errors say what was presented, what was expected, and what to do", () => {
  const judged = (presented: PresentedCertificate, trust: TlsTrust = {}): string =>
    judgeCertificate(presented, trust, { where: "n:1", now: NOW })?.message ?? "";
  const wrong = judged(GOOD, { fingerprint: "cd".repeat(32) });
  assert.match(wrong, /fingerprint AB:AB:.*expected CD:CD:.*may be intercepted/);
  const misnamed = judged({ ...GOOD, fault: "ERR_TLS_CERT_ALTNAME_INVALID" });
  assert.match(
    misnamed,
    /another name; expected one of north\.example, 192\.0\.2\.1; .*--fingerprint/,
  );
  assert.match(
    judged(SELF_SIGNED),
    /not signed by a known authority .* but by An Authority; its fingerprint is AB:AB.*--ca FILE/,
  );
});

test("a fingerprint is read as people copy it", () => {
  const shown = formatFingerprint(OURS);
  for (const text of [
    OURS,
    shown,
    `sha256:${OURS}`,
    `SHA-256 ${shown}`,
    `sha256 Fingerprint=${shown}`,
  ])
    assert.equal(parseFingerprint(text), OURS, text);
  for (const text of ["", OURS.slice(1), `${OURS}0`, "ag".repeat(32), `md5:${OURS}`])
    assert.equal(parseFingerprint(text), undefined, text);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
      const hex = Buffer.from(bytes).toString("hex");
      assert.equal(parseFingerprint(formatFingerprint(hex)), hex);
    }),
  );
});
