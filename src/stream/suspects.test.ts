import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../base/index.ts";
import { Suspects, suspectsWith } from "./suspects.ts";

const death = (at: number) => ({ at, site: "a", instance: at, reason: "it ended" });
const key = (seq: number, source = 1) => ({ source, seq });

test("[M14] a message that is over is no suspect, nor is what its sender had sent before", () => {
  const suspects = new Suspects(suspectsWith([], [key(1), key(2), key(3), key(1, 2)], death(1)));
  suspects.ended(key(2));
  assert.deepEqual(
    suspects.all.map(({ source, seq }) => [source, seq]),
    [
      [1, 3],
      [2, 1],
    ],
  );
});

test("[M14] only deaths of its own make a message poison", () => {
  const suspects = new Suspects([]);
  for (let at = 1; at <= LIMITS.executorDeathsMax; at++) {
    assert.ok(!suspects.isPoison(key(1)));
    assert.equal(suspects.died(key(1), death(at)).length, at);
  }
  assert.ok(suspects.isPoison(key(1)));
  const many = [1, 2, 3].reduce(
    (all, at) => suspectsWith(all, [key(1), key(2)], death(at)),
    [] as ReturnType<typeof suspectsWith>,
  );
  assert.ok(!new Suspects(many).isPoison(key(1)) && new Suspects(many).has(key(1)));
});

test("[M14] as many are remembered as there is room for, the newest", () => {
  let all: ReturnType<typeof suspectsWith> = [];
  for (let seq = 1; seq <= LIMITS.streamSuspectsMax + 5; seq++)
    all = suspectsWith(all, [key(seq), key(seq, 2)], death(seq));
  assert.equal(all.length, LIMITS.streamSuspectsMax);
  assert.ok(new Suspects(all).has(key(LIMITS.streamSuspectsMax + 5)));
  assert.ok(!new Suspects(all).has(key(1)));
});
