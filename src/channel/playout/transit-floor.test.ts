import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../base/index.ts";
import { TransitFloor } from "./transit-floor.ts";

test("the least value of the window counts, in which time without values is left out", () => {
  const floor = new TransitFloor(10_000);
  assert.equal(floor.value(0), undefined);
  floor.add(50, 0);
  floor.add(30, 100);
  floor.add(70, 3_000);
  assert.equal(floor.value(3_000), 30);
  // Held up for 20 s, and then in time.
  floor.add(20_000, 23_000);
  assert.equal(floor.value(23_000), 30);
  for (let now = 24_000; now < 36_000; now += 100) floor.add(70, now);
  assert.equal(floor.value(36_000), 70);
});

test("a floor that rises steadily is known where it is now", () => {
  for (const rate of [0.04, 0.01]) {
    const random = new SeededRandom(9);
    const floor = new TransitFloor(10_000);
    for (let now = 0; now <= 60_000; now += 20) floor.add(now * rate + random.float() * 40, now);
    assert.ok(Math.abs((floor.value(60_000) ?? 0) - 60_000 * rate) < 25, `${rate}`);
  }
});

test("a burst does not look like a clock that drifts", () => {
  const floor = new TransitFloor(10_000);
  for (let now = 0; now < 10_000; now += 20) floor.add(10, now);
  for (let now = 10_000; now < 12_000; now += 20) floor.add(4_000 - 2 * (now - 10_000), now);
  assert.ok((floor.value(12_000) ?? 0) < 20, `${floor.value(12_000)}`);
});

test("a way that becomes another one does not change how fast the values rise", () => {
  const floor = new TransitFloor(10_000);
  for (let at = 0; at < 8_000; at += 20) floor.add(at * 0.04, at);
  floor.restart();
  floor.add(1_000, 8_000);
  for (let at = 8_020; at < 10_000; at += 20) {
    floor.add(1_000 + (at - 8_000) * 0.04 + (at % 500 < 20 ? 0 : 30), at);
    const expected = 1_000 + (at - 8_000) * 0.04;
    assert.ok(Math.abs((floor.value(at) ?? 0) - expected) < 5, `${floor.value(at)} at ${at}`);
  }
});
