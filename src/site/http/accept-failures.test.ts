import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogFields, VirtualClock } from "../../base/index.ts";
import { AcceptFailures } from "./accept-failures.ts";

test("thousands of connections that cannot be accepted are counted, and told once a minute", () => {
  const clock = new VirtualClock();
  const lines: (LogFields | undefined)[] = [];
  const failures = new AcceptFailures({
    clock,
    log: { error: (_message, fields) => lines.push(fields) },
  });
  for (let i = 0; i < 5_000; i++) failures.add(new Error("accept EMFILE"));
  assert.equal(failures.count, 5_000);
  assert.deepEqual(lines, [{ error: "accept EMFILE", failures: 1 }]);
  clock.advance(60_000);
  failures.add(new Error("accept EMFILE"));
  assert.deepEqual(lines.at(-1), { error: "accept EMFILE", failures: 5_001 });
});
