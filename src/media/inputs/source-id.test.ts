import assert from "node:assert/strict";
import { test } from "node:test";
import { sourceIdOf } from "./source-id.ts";

test("the id of a source is the same at every site, and in every version", () => {
  assert.equal(sourceIdOf({ name: "studio", medium: 2, ssrc: 0xdeadbeef }), 628_755_887);
  assert.equal(sourceIdOf({ name: "", medium: 0, ssrc: 0 }), 2_138_539_933);
});

test("sources with another name, medium or SSRC have different ids", () => {
  const ids = [
    { name: "studio", medium: 2, ssrc: 1 },
    { name: "studio2", medium: 2, ssrc: 1 },
    { name: "studio", medium: 1, ssrc: 1 },
    { name: "studio", medium: 2, ssrc: 256 },
  ].map(sourceIdOf);
  assert.equal(new Set(ids).size, 4);
});
