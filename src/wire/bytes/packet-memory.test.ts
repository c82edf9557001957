import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PacketMemory } from "./packet-memory.ts";

test("no two buffers share a byte, whatever their sizes", () => {
  const sizes = fc.array(fc.oneof(fc.nat(2_000), fc.nat(70_000)), { maxLength: 200 });
  fc.assert(
    fc.property(sizes, (wanted) => {
      const memory = new PacketMemory();
      const taken = wanted.map((size) => memory.take(size));
      for (const [index, buffer] of taken.entries()) {
        assert.equal(buffer.byteLength, wanted[index]);
        assert.ok(buffer.every((byte) => byte === 0));
        buffer.fill((index % 255) + 1);
      }
      for (const [index, buffer] of taken.entries()) {
        assert.ok(buffer.every((byte) => byte === (index % 255) + 1));
      }
    }),
  );
});

test("packets of one block share its memory", () => {
  const memory = new PacketMemory();
  const packets = Array.from({ length: 50 }, () => memory.take(1_220));
  assert.equal(new Set(packets.map(({ buffer }) => buffer)).size, 1);
  assert.notEqual(memory.take(1_220 * 4).buffer, packets[0]?.buffer);
});
