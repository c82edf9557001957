import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MeanderError } from "../base/index.ts";
import { decodeError, encodeError } from "./wire-error.ts";

test("[D9] an error arrives with the parts and the message it had", () => {
  const part = fc.option(fc.string(), { nil: undefined });
  const details = fc.record(
    { where: part, expected: part, next: part },
    { requiredKeys: [], noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.string(), details, (what, parts) => {
      const error = new MeanderError("some-code", what, parts as object);
      const arrived = decodeError(JSON.parse(JSON.stringify(encodeError(error))));
      assert.deepEqual(
        { ...arrived, message: arrived.message },
        { ...error, message: error.message },
      );
    }),
  );
});
