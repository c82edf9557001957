import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeFramed, FramedReader } from "./framing.ts";

test("packets come back from a stream, however it is chopped", () => {
  const packets = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 });
  const cuts = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(packets, cuts, (sent, sizes) => {
      const stream = encodeFramed(sent);
      const reader = new FramedReader();
      const read: Uint8Array[] = [];
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = sizes[turn % sizes.length] as number;
        read.push(...reader.push(stream.slice(at, at + size)));
        at += size;
      }
      assert.deepEqual(
        read,
        sent.filter((packet) => packet.length > 0),
      );
      assert.equal(reader.heldBytes, 0);
    }),
  );
});

test("the largest packet passes, byte by byte", () => {
  const packet = Uint8Array.from({ length: 65_535 }, (_, index) => index);
  const stream = encodeFramed([packet, packet]);
  const reader = new FramedReader();
  const read = Array.from(stream, (byte) => reader.push(Uint8Array.of(byte))).flat();
  assert.deepEqual(read, [packet, packet]);
});

test("no stream makes a reader hold more than one packet", () => {
  const reader = new FramedReader();
  const chunk = new Uint8Array(50_000).fill(0xff);
  for (let turn = 0; turn < 20; turn++) {
    reader.push(chunk);
    assert(reader.heldBytes <= 65_537);
  }
});

test("a packet that came in pieces does not change with the next push", () => {
  const reader = new FramedReader();
  reader.push(Uint8Array.of(0, 2, 1));
  const [first] = reader.push(Uint8Array.of(2, 0, 2, 9));
  reader.push(Uint8Array.of(9));
  assert.deepEqual(first, Uint8Array.of(1, 2));
});
