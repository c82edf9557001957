import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatMessageName,
  isStream,
  parseMessageName,
  SHELL_ID_MIN,
  siteEndpoint,
} from "./model.ts";

const name = fc.stringMatching(/^[\w.-]{1,80}$/);

test("[M25] a message's name says who sent it, to whom, and with which number", () => {
  fc.assert(
    fc.property(name, name, fc.integer({ min: 1, max: 10 ** 15 - 1 }), (from, to, seq) => {
      assert.deepEqual(parseMessageName(formatMessageName({ from, to, seq })), { from, to, seq });
    }),
  );
  assert.equal(formatMessageName({ from: "foo", to: "bar", seq: 17 }), "foo>bar#17");
});

test("[M25] what is no message's name is none", () => {
  for (const text of [
    "",
    "foo",
    "foo>bar",
    "foo>bar#",
    "foo>bar#0",
    "foo>bar#-1",
    "foo>bar#1.5",
    ">bar#1",
    "foo>#1",
    "a b>c#1",
    "foo>bar#1 ",
    "a>b>c#1",
    `a>b#${"9".repeat(16)}`,
  ]) {
    assert.equal(parseMessageName(text), undefined, text);
  }
  fc.assert(fc.property(fc.string(), (text) => void parseMessageName(text)));
});

test("[M31] streams, shells and sites have numbers of their own, and whole ones", () => {
  const site = siteEndpoint({ site: "a", instance: 0xffff_ffff });
  assert.ok(isStream(1) && isStream(0xffff_ffff));
  assert.ok(!isStream(SHELL_ID_MIN) && !isStream(site));
  // A shell's number is drawn below 2^49.
  assert.ok(
    SHELL_ID_MIN + 0xffff_ffff * 0x1_0000 + 0xffff < siteEndpoint({ site: "a", instance: 0 }),
  );
  assert.ok(Number.isSafeInteger(site) && Number.isSafeInteger(-site));
});
