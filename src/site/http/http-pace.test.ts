import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../base/index.ts";
import { HttpPace } from "./http-pace.ts";

const at = (read: number, written = 0) => ({ read, written });

test("[A22] a head that has begun must be whole in its time, however often a byte comes", () => {
  const pace = new HttpPace(0, at(0));
  assert.equal(pace.faultAt(100_000, at(0)), undefined, "silence is judged by others");
  for (let ms = 0; ms <= LIMITS.headerMsMax; ms += 500)
    assert.equal(pace.faultAt(100_500 + ms, at(1 + ms)), undefined);
  assert.equal(pace.faultAt(100_501 + LIMITS.headerMsMax, at(9_000)), "door-header-slow");
});

test("[A22] a body may be as slow as its rate allows, and no slower", () => {
  const pace = new HttpPace(0, at(0));
  pace.asked(0, at(100));
  pace.bodyBegins(0, at(100));
  assert.equal(pace.faultAt(LIMITS.bodyGraceMs, at(100)), undefined);
  assert.equal(pace.faultAt(LIMITS.bodyGraceMs + 1, at(101)), "door-body-slow");
  const bytes = 10 * LIMITS.bodyRateMin;
  assert.equal(pace.faultAt(LIMITS.bodyGraceMs + 9_999, at(100 + bytes)), undefined);
  assert.equal(pace.faultAt(LIMITS.bodyGraceMs + 10_001, at(100 + bytes)), "door-body-slow");
});

test("[A22] an answer that is taken, however slowly, is not cut; one that is not taken at all is", () => {
  const pace = new HttpPace(0, at(0));
  pace.asked(0, at(100));
  pace.bodyBegins(0, at(100));
  pace.bodyEnds(1_000, at(500));
  const patience = LIMITS.requestMsMax + LIMITS.answerStallMs;
  for (let step = 1; step < 10; step++)
    assert.equal(pace.faultAt(step * patience, at(500, step)), undefined);
  assert.equal(pace.faultAt(10 * patience + 1, at(500, 9)), "door-answer-slow");
  pace.answered(11 * patience, at(500, 10));
  assert.equal(pace.faultAt(12 * patience, at(500, 10)), undefined);
});

test("requests that were sent ahead count one by one", () => {
  const pace = new HttpPace(0, at(0));
  pace.asked(0, at(100));
  pace.asked(1, at(100));
  pace.answered(2, at(100, 50));
  assert.equal(pace.answers, 1);
  assert.equal(pace.faultAt(LIMITS.headerMsMax * 2, at(150, 50)), undefined);
  pace.answered(LIMITS.headerMsMax * 2, at(150, 100));
  assert.equal(pace.answers, 0);
});
