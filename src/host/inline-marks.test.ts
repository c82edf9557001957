import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { MeanderError, SILENT, VirtualClock } from "../base/index.ts";
import type { StreamRecord } from "../session/index.ts";
import { decodeMark, freshState, type StreamState } from "../stream/index.ts";
import { InlineMarks } from "./inline-marks.ts";
import { FileMarkStore } from "./records/index.ts";

const KEY = { source: 9, seq: 4 };

function recordOf(durability: StreamRecord["durability"]): StreamRecord {
  return { id: 5, name: "bar", durability } as StreamRecord;
}

/** A run of a site: what its streams note, and what the run before has left. */
function runOf(folder: string, instance: number, write = async (): Promise<void> => {}) {
  const store = new FileMarkStore({ path: join(folder, "running"), site: "north", log: SILENT });
  const self = { site: "north", instance };
  return new InlineMarks({ self, clock: new VirtualClock(), store, write });
}

function countsOf({ suspects }: StreamState) {
  return suspects.map(({ seq, deaths, shared }) => [seq, deaths.length, shared.length]);
}

test("[M14] a site that starts again knows what ran of a stream without a record, over any number of starts", () => {
  const folder = mkdtempSync(join(tmpdir(), "inline-marks-"));
  const state = freshState(new Uint8Array());
  const none = recordOf({ type: "none" });
  assert.equal(
    runOf(folder, 1)
      .of(none)
      .set([KEY, { source: 9, seq: 5 }], []),
    undefined,
  );
  const second = runOf(folder, 2);
  const afterOne = second.withFormer(5, state);
  assert.deepEqual(countsOf(afterOne), [
    [4, 0, 1],
    [5, 0, 1],
  ]);
  // This one dies before it runs anything.
  const third = runOf(folder, 3);
  const afterTwo = third.withFormer(5, state);
  assert.deepEqual(countsOf(afterTwo), countsOf(afterOne));
  assert.equal(third.of(none).set([KEY], afterTwo.suspects), undefined);
  const fourth = runOf(folder, 4);
  assert.deepEqual(countsOf(fourth.withFormer(5, state)), [[4, 2, 0]]);
  fourth.forget(5);
  assert.deepEqual(countsOf(runOf(folder, 5).withFormer(5, state)), []);
  rmSync(folder, { recursive: true });
});

test("[M14] of a stream with a record its keeper knows, and one of an earlier version holds nothing up", async () => {
  const folder = mkdtempSync(join(tmpdir(), "inline-marks-"));
  const written: Uint8Array[] = [];
  const marks = new InlineMarks({
    ...{ self: { site: "north", instance: 1 }, clock: new VirtualClock(), store: undefined },
    write: async (_record, mark) => void written.push(mark),
  });
  await marks.of(recordOf({ type: "message" })).set([KEY], []);
  await marks.of(recordOf({ type: "checkpoint", every: 3 })).set([KEY], []);
  assert.deepEqual(
    written.map((mark) => decodeMark(mark)?.messages),
    [[KEY], [KEY]],
  );
  const fails = (code: string) => async () => {
    throw new MeanderError(code, "as the test says");
  };
  const record = recordOf({ type: "message" });
  await runOf(folder, 1, fails("request-unknown")).of(record).set([KEY], []);
  await assert.rejects(async () => runOf(folder, 1, fails("site-gone")).of(record).set([KEY], []), {
    code: "site-gone",
  });
  rmSync(folder, { recursive: true });
});
