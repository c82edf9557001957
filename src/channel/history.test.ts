import assert from "node:assert/strict";
import { test } from "node:test";
import { encodePacket, FLAG, KIND, MEDIUM, sequenceOf } from "../wire/index.ts";
import { History } from "./history.ts";

interface Spec {
  readonly sequence: number;
  readonly flags?: number;
  readonly medium?: number;
  readonly kind?: number;
  readonly bytes?: number;
}

function packet({
  sequence,
  flags = 0,
  medium = MEDIUM.video,
  kind = KIND.rtp,
  bytes = 80,
}: Spec): Uint8Array {
  return encodePacket(
    { kind, flags, channel: 1, source: 5, sourceGeneration: 0, medium, sequence },
    new Uint8Array(bytes),
  );
}

const KEY = FLAG.keyframe | FLAG.begin;
const point = (sequence: number, medium: number = MEDIUM.video) => ({
  source: 5,
  generation: 0,
  medium,
  sequence,
});

test("a newcomer begins at the newest key frame", () => {
  const history = new History(1e6);
  for (let sequence = 0; sequence < 10; sequence++) {
    history.add(packet({ sequence, flags: sequence % 4 === 0 ? KEY : 0 }), sequence);
  }
  assert.equal(sequenceOf(history.at(history.entryPoint)?.packet as Uint8Array), 8);
});

test("packets back to the newest key frame are kept, however old; others are removed after 10 s", () => {
  const history = new History(1e6);
  history.add(packet({ sequence: 0, flags: KEY }), 0);
  for (let sequence = 1; sequence < 200; sequence++)
    history.add(packet({ sequence }), sequence * 100);
  assert.equal(history.count, 200);
  history.add(packet({ sequence: 200, flags: KEY }), 20_000);
  assert.equal(history.start, 100);
});

test("bytes are bounded regardless of key frames", () => {
  const history = new History(1_000);
  history.add(packet({ sequence: 0, flags: KEY }), 0);
  for (let sequence = 1; sequence < 50; sequence++) history.add(packet({ sequence }), sequence);
  assert.equal(history.bytes, 1_000);
  assert.equal(history.count, 10);
  assert.equal(history.entryPoint, 49);
});

test("an ended source does not retain the packets of others", () => {
  const history = new History(1e9);
  history.add(packet({ sequence: 0, flags: KEY }), 0);
  for (let sequence = 0; sequence < 200; sequence++) {
    history.add(packet({ sequence, medium: MEDIUM.audio }), sequence * 100);
  }
  assert.ok(history.spanMs <= 10_100, `holds ${history.spanMs} ms`);
});

test("the newest message of a data source is kept for later subscribers", () => {
  const history = new History(1e6);
  for (const sequence of [1, 2]) {
    history.add(packet({ sequence, kind: KIND.data, medium: MEDIUM.text, flags: KEY }), 0);
  }
  for (let sequence = 0; sequence < 100; sequence++) {
    history.add(packet({ sequence, flags: sequence % 30 === 0 ? KEY : 0 }), sequence * 100);
  }
  const standing = history.retainedBefore(history.entryPoint);
  assert.deepEqual(
    standing.map((entry) => sequenceOf(entry.packet)),
    [2],
  );
});

test("a packet is found by identity across the wrap, and not by a number that shares its slot", () => {
  const history = new History(1e6);
  for (const sequence of [65_534, 65_535, 0, 1]) history.add(packet({ sequence }), 0);
  assert.equal(history.find(point(0))?.position, 2);
  assert.equal(history.find(point(4_096)), undefined);
  assert.equal(history.find(point(0, MEDIUM.audio)), undefined);
});

test("who has had some numbers has come to where others begin, or a source that they do not name", () => {
  const history = new History(1e6);
  const audio = MEDIUM.audio;
  for (const sequence of [5, 8, 7]) history.add(packet({ sequence }), 0);
  for (const sequence of [70, 69]) history.add(packet({ sequence, medium: audio }), 0);
  history.add(packet({ sequence: 6 }), 0);
  history.add(packet({ sequence: 9 }), 0);
  assert.equal(history.positionOf([point(5)]), 0);
  assert.equal(history.positionOf([point(8)]), 2, "7 was overtaken");
  assert.equal(history.positionOf([point(8), point(70, audio)]), 5);
  assert.equal(history.positionOf([point(9), point(70, audio)]), 6);
  assert.equal(history.positionOf([point(10)]), -1);
});

test("a resume begins at the oldest wanted packet of any source", () => {
  const history = new History(1e6);
  for (let sequence = 0; sequence < 10; sequence++) {
    history.add(packet({ sequence }), 0);
    history.add(packet({ sequence, medium: MEDIUM.audio }), 0);
  }
  assert.deepEqual(history.resumePoint([point(7), point(5, MEDIUM.audio)]), {
    position: 11,
    complete: true,
  });
  assert.deepEqual(history.resumePoint([point(10), point(10, MEDIUM.audio)]), {
    position: 20,
    complete: true,
  });
});

test("a resume from before the history begins at the newest key frame and is reported as incomplete", () => {
  const history = new History(900);
  for (let sequence = 0; sequence < 30; sequence++) {
    history.add(packet({ sequence, flags: sequence % 5 === 0 ? KEY : 0 }), 0);
  }
  assert.deepEqual(history.resumePoint([point(3)]), { position: 25, complete: false });
});

test("an ended source is there for repairs and resumes, and not for newcomers", () => {
  const history = new History(1e6);
  for (let sequence = 0; sequence < 10; sequence++) {
    history.add(packet({ sequence, flags: sequence === 4 ? KEY : 0 }), sequence);
    history.add(packet({ sequence, medium: MEDIUM.audio }), sequence);
  }
  history.add(packet({ sequence: 1, kind: KIND.data, medium: MEDIUM.text, flags: KEY }), 10);
  history.sourceEnded(point(0));
  assert.equal(history.entryPoint, 20);
  history.sourceEnded(point(0, MEDIUM.text));
  assert.equal(history.entryPoint, 19);
  assert.deepEqual(history.retainedBefore(history.end), []);
  assert.equal(history.find(point(3))?.position, 6);
  assert.equal(history.resumePoint([point(6), point(10, MEDIUM.audio)]).position, 12);
  assert.equal(history.resumePoint([point(10, MEDIUM.audio)]).position, history.end);
  history.allEnded();
  assert.equal(history.entryPoint, history.end);
  history.add(packet({ sequence: 10 }), 11);
  assert.equal(history.entryPoint, history.end, "a straggler does not revive it");
  assert.equal(history.hadEnded(packet({ sequence: 3 }), 20), false);
  assert.equal(history.hadEnded(packet({ sequence: 3 }), 21), true);
});

test("the packets of a channel whose sources have all ended are removed after 10 s", () => {
  const history = new History(1e6);
  history.add(packet({ sequence: 0, flags: KEY }), 0);
  history.expire(60_000);
  assert.equal(history.count, 1, "a source that is only silent keeps its key frame");
  history.allEnded();
  history.expire(60_200);
  assert.equal(history.count, 0);
});
