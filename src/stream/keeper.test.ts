import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Keeper } from "./keeper.ts";
import { MemoryRecordStore } from "./memory-record-store.ts";
import type { RecordStore } from "./network.ts";
import { encodeMark } from "./run-mark.ts";
import { Signal, settle } from "./small-world.test.support.ts";
import { decodeState, encodeState, freshState, type StreamState } from "./stream-state.ts";

const FENCED = { code: "record-fenced" };

test("[M7] the newest record of a stream is kept", async () => {
  const keeper = new Keeper(new MemoryRecordStore());
  assert.equal(await keeper.fetch(1, 1), undefined);
  await keeper.put(1, 1, Uint8Array.of(1));
  await keeper.put(1, 1, Uint8Array.of(2));
  await keeper.put(2, 1, Uint8Array.of(3));
  assert.deepEqual(await keeper.fetch(1, 1), Uint8Array.of(2));
  assert.deepEqual(await keeper.fetch(2, 1), Uint8Array.of(3));
});

test("[M9] from a takeover on, writes of lower epochs are refused", async () => {
  const keeper = new Keeper(new MemoryRecordStore());
  await keeper.put(1, 1, Uint8Array.of(1));
  assert.deepEqual(await keeper.fetch(1, 2), Uint8Array.of(1));
  await assert.rejects(keeper.put(1, 1, Uint8Array.of(9)), FENCED);
  assert.deepEqual(await keeper.fetch(1, 2), Uint8Array.of(1));
  await keeper.put(1, 2, Uint8Array.of(2));
  // A fetch of an earlier epoch, come late, takes nothing back.
  assert.deepEqual(await keeper.fetch(1, 1), Uint8Array.of(2));
  await assert.rejects(keeper.put(1, 1, Uint8Array.of(9)), FENCED);
});

test("[M9] a record of a higher epoch is a fence, too", async () => {
  const keeper = new Keeper(new MemoryRecordStore());
  await keeper.put(1, 3, Uint8Array.of(3));
  await assert.rejects(keeper.put(1, 2, Uint8Array.of(2)), FENCED);
});

test("[M9] a fence outlives the keeper's process, with or without a record", async () => {
  const store = new MemoryRecordStore();
  const before = new Keeper(store);
  await before.put(1, 1, Uint8Array.of(1));
  await before.fetch(1, 4);
  await before.fetch(2, 7);
  const after = new Keeper(store);
  await assert.rejects(after.put(1, 3, Uint8Array.of(3)), FENCED);
  await assert.rejects(after.put(2, 6, Uint8Array.of(6)), FENCED);
  assert.deepEqual(await after.fetch(1, 4), Uint8Array.of(1));
  assert.equal(await after.fetch(2, 7), undefined);
  await after.put(2, 7, Uint8Array.of(7));
  assert.deepEqual(await after.fetch(2, 7), Uint8Array.of(7));
});

test("[M7] a write has settled only when the store has it; a takeover behind it gets it", async () => {
  const written = new Signal();
  const memory = new MemoryRecordStore();
  const store: RecordStore = {
    get: (stream) => memory.get(stream),
    put: async (records) => {
      await written.promise;
      await memory.put(records);
    },
    delete: (stream) => memory.delete(stream),
  };
  const keeper = new Keeper(store);
  let kept = false;
  const put = keeper.put(1, 1, Uint8Array.of(1)).then(() => {
    kept = true;
  });
  const fetched = keeper.fetch(1, 2);
  await settle();
  assert.equal(kept, false);
  assert.equal(memory.count, 0);
  written.end();
  await put;
  assert.deepEqual(await fetched, Uint8Array.of(1));
});

test("[M7] a write that fails is told, and those behind it are done", async () => {
  const memory = new MemoryRecordStore();
  let fails = true;
  const store: RecordStore = {
    get: (stream) => memory.get(stream),
    put: async (records) => {
      if (fails) throw new Error("disk full");
      await memory.put(records);
    },
    delete: (stream) => memory.delete(stream),
  };
  const keeper = new Keeper(store);
  await assert.rejects(keeper.put(1, 1, Uint8Array.of(1)), /disk full/);
  assert.equal(await keeper.fetch(1, 0), undefined, "what is not in the store was not kept");
  fails = false;
  await keeper.put(1, 1, Uint8Array.of(2));
  assert.deepEqual(await keeper.fetch(1, 1), Uint8Array.of(2));
});

test("of a stream that is no more nothing is kept", async () => {
  const store = new MemoryRecordStore();
  const keeper = new Keeper(store);
  await keeper.put(1, 1, Uint8Array.of(1));
  await keeper.forget(1);
  assert.equal(store.count, 0);
  assert.equal(await keeper.fetch(1, 0), undefined);
});

test("[M9] over any order of writes, takeovers and restarts the epoch of what is kept never falls", async () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant("put" as const), epoch: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ type: fc.constant("fetch" as const), epoch: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ type: fc.constant("restart" as const), epoch: fc.constant(0) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const store = new MemoryRecordStore();
      let keeper = new Keeper(store);
      let fence = 0;
      let kept: number | undefined;
      for (const [index, { type, epoch }] of steps.entries()) {
        if (type === "restart") keeper = new Keeper(store);
        if (type === "fetch") {
          assert.deepEqual((await keeper.fetch(1, epoch))?.[0], kept);
          fence = Math.max(fence, epoch);
        }
        if (type === "put") {
          const put = keeper.put(1, epoch, Uint8Array.of(index));
          if (epoch < fence) await assert.rejects(put, FENCED);
          else {
            await put;
            fence = epoch;
            kept = index;
          }
        }
      }
    }),
  );
});

/** A state in which so much of sender 9 is consumed. */
function stateWith(consumed: number): StreamState {
  const siteInstance = { site: "a", instance: 1 };
  const pair = { source: 9, sourceName: "foo", sourceEpoch: 1, consumed, siteInstance };
  return { ...freshState(new Uint8Array()), inbound: [pair] };
}

function markOf(...seqs: number[]): Uint8Array {
  const messages = seqs.map((seq) => ({ source: 9, seq }));
  const siteInstance = { site: "b", instance: 7 };
  return encodeMark({ at: 1_000, siteInstance, messages, suspects: [] });
}

async function suspectsAt(keeper: Keeper, streamEpoch: number, stream = 1) {
  const state = decodeState((await keeper.fetch(stream, streamEpoch)) as Uint8Array);
  return state?.suspects.map(({ seq, deaths, shared }) => [seq, deaths.length, shared.length]);
}

test("[M14] what was noted to run in its site's process is a suspect for whoever takes the stream over, once", async () => {
  const store = new MemoryRecordStore();
  const keeper = new Keeper(store);
  await keeper.put(1, 1, encodeState(stateWith(4)));
  await keeper.mark(1, 1, markOf(5));
  assert.deepEqual(await suspectsAt(keeper, 2), [[5, 1, 0]]);
  assert.deepEqual(await suspectsAt(keeper, 2), [[5, 1, 0]]);
  // The keeper's process has ended, and the next site has died before it noted anything.
  assert.deepEqual(await suspectsAt(new Keeper(store), 3), [[5, 1, 0]]);
  await assert.rejects(keeper.mark(1, 1, markOf(6)), FENCED);
});

test("[M14] of several that may have run none is to blame, until one dies by itself: then it was that one", async () => {
  const keeper = new Keeper(new MemoryRecordStore());
  await keeper.put(1, 1, encodeState(stateWith(4)));
  await keeper.mark(1, 1, markOf(4, 5, 6, 7));
  const expected = [
    [5, 0, 1],
    [6, 0, 1],
    [7, 0, 1],
  ];
  assert.deepEqual(await suspectsAt(keeper, 2), expected);
  const siteInstance = { site: "c", instance: 8 };
  await keeper.mark(
    1,
    2,
    encodeMark({ at: 2_000, siteInstance, messages: [{ source: 9, seq: 6 }], suspects: [] }),
  );
  assert.deepEqual(await suspectsAt(keeper, 3), [[6, 2, 0]]);
});

test("[M14] what a record shows to be over is no suspect, nor is what an earlier epoch noted", async () => {
  const keeper = new Keeper(new MemoryRecordStore());
  await keeper.put(1, 1, encodeState(stateWith(4)));
  await keeper.mark(1, 1, markOf(5));
  await keeper.put(1, 1, encodeState(stateWith(5)));
  assert.deepEqual(await suspectsAt(keeper, 2), []);
  await keeper.mark(1, 2, markOf(6));
  await keeper.put(1, 3, encodeState(stateWith(5)));
  assert.deepEqual(await suspectsAt(keeper, 4), []);
});

test("[M14] bytes that are no mark, and a mark without a record, mean nothing", async () => {
  const keeper = new Keeper(new MemoryRecordStore());
  await keeper.mark(1, 1, markOf(5));
  assert.equal(await keeper.fetch(1, 2), undefined);
  await keeper.put(2, 1, encodeState(stateWith(4)));
  await keeper.mark(2, 1, Uint8Array.of(1, 2, 3));
  assert.deepEqual(await suspectsAt(keeper, 2, 2), []);
});
