import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../base/index.ts";
import type { Durability } from "../stream/index.ts";
import { formatDurability, parseDurability } from "./durability.ts";

test("every durability is read as it is written", () => {
  const all: Durability[] = [
    { type: "none" },
    { type: "message" },
    { type: "checkpoint", every: 1 },
    { type: "checkpoint", every: 1_000_000 },
  ];
  for (const each of all) {
    assert.deepEqual(parseDurability(formatDurability(each), "--durability"), each);
  }
});

test("anything else is refused with what was expected", () => {
  for (const text of ["", "None", "checkpoint", "checkpoint:", "checkpoint:0", "checkpoint:-1"]) {
    assert.throws(
      () => parseDurability(text, "--durability"),
      (error: MeanderError) =>
        error instanceof MeanderError &&
        error.code === "arguments-invalid" &&
        error.where === "argument --durability" &&
        /checkpoint:N/.test(error.expected ?? ""),
      text,
    );
  }
  assert.throws(() => parseDurability("checkpoint:1000001", "x"), /1 to 1000000/);
  assert.throws(() => parseDurability("checkpoint:1.5", "x"), MeanderError);
});
