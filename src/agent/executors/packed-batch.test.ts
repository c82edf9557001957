import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HANDLER_NAMES } from "../model.ts";
import { packBatch, unpackBatch } from "./packed-batch.ts";

const text = fc.string({ unit: "grapheme", maxLength: 90 });
const invocation = fc.record(
  {
    handler: fc.constantFrom(...HANDLER_NAMES),
    argument: fc.uint8Array({ maxLength: 300 }),
    message: fc.option(
      fc.record({ id: text, from: text, attempt: fc.nat() }, { noNullPrototype: true }),
      { nil: undefined },
    ),
  },
  { noNullPrototype: true },
);

test("a batch of calls comes back as it was", () => {
  fc.assert(
    fc.property(fc.array(invocation), (batch) => {
      const bytes = packBatch(batch);
      assert.deepEqual(unpackBatch(bytes), batch);
      // No byte of it is what memory held before.
      assert.deepEqual(packBatch(batch), bytes);
    }),
  );
});

test("a batch that is part of larger memory is read where it is", () => {
  const argument = Uint8Array.of(1, 2, 3);
  const batch = [{ handler: "timer", argument, message: undefined } as const];
  const packed = packBatch(batch);
  const larger = new Uint8Array(packed.byteLength + 20);
  larger.set(packed, 7);
  const read = unpackBatch(larger.subarray(7, 7 + packed.byteLength));
  assert.deepEqual(read, batch);
  assert.equal(Object.getPrototypeOf(read[0]?.argument), Uint8Array.prototype);
});
