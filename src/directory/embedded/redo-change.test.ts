import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeChanges, encodeChanges, type RedoChange } from "./redo-change.ts";

const revision = fc.maxSafeNat();
const text = fc.jsonValue().map((value) => JSON.stringify(value));
const shape = { noNullPrototype: true };
const change: fc.Arbitrary<RedoChange> = fc.oneof(
  fc.record(
    {
      type: fc.constant("put" as const),
      revision,
      key: fc.string(),
      lease: fc.option(fc.string(), { nil: undefined }),
      text,
    },
    shape,
  ),
  fc.record({ type: fc.constant("remove" as const), revision, key: fc.string() }, shape),
  fc.record({ type: fc.constant("put-lease" as const), id: fc.string(), ttlMs: fc.nat() }, shape),
  fc.record({ type: fc.constant("remove-lease" as const), id: fc.string() }, shape),
);

test("changes come back as they were", () => {
  fc.assert(
    fc.property(fc.array(change, { minLength: 1 }), (changes) => {
      assert.deepEqual(decodeChanges(encodeChanges(changes)), changes);
    }),
  );
});

test("no changes take no bytes, and bytes that are not changes are reported", () => {
  assert.equal(encodeChanges([]).byteLength, 0);
  for (const line of ["", "{}", '["put",1]', '["remove","a",1]', '["drop","a"]', "\u0000"]) {
    assert.equal(decodeChanges(new TextEncoder().encode(line)), undefined, line);
  }
  assert.equal(decodeChanges(Uint8Array.of(0xff)), undefined);
});
