import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../base/index.ts";
import { checkMessageId, formatStory } from "./why.ts";

test("the name of a message is taken as it is, anything else is refused with a hint at quotes", () => {
  assert.equal(checkMessageId("shell-1f3a>bar#3"), "shell-1f3a>bar#3");
  for (const text of ["", "foo", "foo>bar", "foo>bar#0", "foo>bar#x", ">bar#1"]) {
    assert.throws(
      () => checkMessageId(text),
      (error) => error instanceof MeanderError && /in quotes/.test(error.next ?? ""),
      text,
    );
  }
});

test("a story begins with the state and goes on with its sentences", () => {
  const story = {
    id: "foo>bar#3",
    state: "retrying",
    steps: ["foo has sent it to two.", "Its handler threw."],
  } as const;
  assert.equal(
    formatStory(story, (_style, text) => text),
    "foo>bar#3 is retrying\n  foo has sent it to two.\n  Its handler threw.",
  );
});
