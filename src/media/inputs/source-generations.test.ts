import assert from "node:assert/strict";
import { test } from "node:test";
import { SourceGenerations } from "./source-generations.ts";

test("a source that continues where it was keeps its generation", () => {
  const generations = new SourceGenerations();
  assert.equal(generations.begin(1, 65_500), 0);
  generations.reached(1, 0, 65_530);
  assert.equal(generations.begin(1, 10), 0);
});

test("a source that begins elsewhere, or returns after a goodbye, gets the next generation", () => {
  const generations = new SourceGenerations();
  generations.begin(1, 100);
  assert.equal(generations.begin(1, 30_000), 1);
  generations.ended(1, 1);
  assert.equal(generations.begin(1, 30_001), 2);
});

test("two inputs that see the same restart count it once", () => {
  const generations = new SourceGenerations();
  generations.begin(1, 100);
  generations.begin(1, 101);
  assert.equal(generations.begin(1, 200, 0), 1);
  assert.equal(generations.begin(1, 201, 0), 1);
});

test("generations wrap at 256, and only the sources used last are remembered", () => {
  const generations = new SourceGenerations();
  generations.begin(1, 0);
  for (let restart = 1; restart <= 256; restart++) {
    assert.equal(generations.begin(1, (restart * 20_000) & 0xffff), restart & 0xff);
  }
  generations.begin(1, 5_000);
  for (let other = 2; other < 100; other++) generations.begin(other, 0);
  assert.equal(generations.begin(1, 40_000), 0);
});
