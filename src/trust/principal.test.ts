import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError, SeededRandom } from "../base/index.ts";
import {
  ANONYMOUS,
  isSamePrincipal,
  type Principal,
  principalText,
  readPrincipal,
} from "./index.ts";

const KEY = "k".repeat(43);
const ALL: readonly Principal[] = [
  ANONYMOUS,
  { kind: "subject", name: "alice" },
  { kind: "subject", name: "site north" },
  { kind: "subject", name: "site:north" },
  { kind: "site", name: "north" },
  { kind: "stream", name: "north" },
  { kind: "stream", name: "north", author: KEY },
];

test("a principal has one text, which no other has", () => {
  const texts = ALL.map(principalText);
  assert.equal(new Set(texts).size, ALL.length);
  for (const [index, text] of texts.entries()) assert.deepEqual(readPrincipal(text), ALL[index]);
});

test("other texts are no principals", () => {
  const random = new SeededRandom(3);
  const bad = [
    "",
    "alice",
    "subject:",
    "site:",
    "site:North",
    "stream:a b",
    "shell:a",
    "anonymous:",
  ];
  bad.push(`site:north~${KEY}`, "stream:north~", "stream:north~short", `stream:a~${KEY}~${KEY}`);
  bad.push("subject:\u0430lice", "subject:a\nb", "subject:*", ":", "__proto__:a");
  for (const text of bad) assert.throws(() => readPrincipal(text), isInvalid, text);
  for (let at = 0; at < 2_000; at++) {
    const text = String.fromCharCode(...Array.from({ length: 12 }, () => random.uint32() % 128));
    try {
      assert.equal(principalText(readPrincipal(text)), text);
    } catch (error) {
      assert.ok(isInvalid(error));
    }
  }
});

test("the author of its code makes a stream no other principal", () => {
  for (const one of ALL)
    for (const other of ALL) {
      const same = principalText(one).split("~")[0] === principalText(other).split("~")[0];
      assert.equal(isSamePrincipal(one, other), same);
    }
});

function isInvalid(error: unknown): boolean {
  return error instanceof MeanderError && error.code === "principal-invalid";
}
