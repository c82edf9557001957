import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../base/index.ts";
import { BenchContext } from "./bench-context.test.support.ts";
import { Journal } from "./journal.ts";
import { Signal, settle } from "./small-world.test.support.ts";

interface Bench {
  readonly context: BenchContext;
  readonly journal: Journal;
  /** What is kept at the moment; each write takes its number. */
  value: number;
  /** Writes that the keeper has not answered, oldest first. */
  readonly writes: { readonly state: number; readonly signal: Signal }[];
  readonly kept: number[];
  fenced: number;
}

function open(): Bench {
  const context = new BenchContext();
  const bench: Bench = {
    context,
    value: 0,
    writes: [],
    kept: [],
    fenced: 0,
    journal: undefined as never,
  };
  const journal = new Journal(context, {
    take: () => {
      const { value } = bench;
      return { state: Uint8Array.of(value), kept: () => void bench.kept.push(value) };
    },
    put: (state) => {
      const signal = new Signal();
      bench.writes.push({ state: state[0] as number, signal });
      return signal.promise;
    },
    fenced: () => void bench.fenced++,
  });
  return Object.assign(bench, { journal });
}

function change(bench: Bench, value: number): void {
  bench.value = value;
  bench.journal.changed();
  bench.journal.write();
}

test("[M33] one state is on its way at a time, and then the newest goes", async () => {
  const bench = open();
  for (const value of [1, 2, 3]) change(bench, value);
  assert.deepEqual(
    bench.writes.map(({ state }) => state),
    [1],
  );
  assert.deepEqual(bench.kept, []);
  bench.writes[0]?.signal.end();
  await settle();
  assert.deepEqual(bench.kept, [1]);
  assert.deepEqual(
    bench.writes.map(({ state }) => state),
    [1, 3],
  );
  bench.writes[1]?.signal.end();
  await settle();
  assert.deepEqual(bench.kept, [1, 3]);
  bench.journal.write();
  assert.equal(bench.writes.length, 2, "nothing has changed");
});

test("[M33] it has settled when all changes are kept", async () => {
  const bench = open();
  let settled = false;
  await bench.journal.settled();
  change(bench, 1);
  void bench.journal.settled().then(() => {
    settled = true;
  });
  change(bench, 2);
  bench.writes[0]?.signal.end();
  await settle();
  assert.equal(settled, false);
  assert.equal(bench.journal.isIdle, false);
  bench.writes[1]?.signal.end();
  await settle();
  assert.equal(settled, true);
  assert.equal(bench.journal.isIdle, true);
});

test("[M33] a keeper that does not answer is asked again, with what is newest then", async () => {
  const bench = open();
  change(bench, 1);
  bench.writes[0]?.signal.fail(new MeanderError("site-gone", "the site has ended"));
  await settle();
  change(bench, 2);
  assert.equal(bench.writes.length, 1, "not at once");
  bench.context.clock.advance(250);
  assert.deepEqual(
    bench.writes.map(({ state }) => state),
    [1, 2],
  );
  assert.equal(bench.context.counts.get("keeper-silent"), 1);
  assert.deepEqual(bench.kept, []);
});

test("[M9] once a higher epoch is kept it writes nothing any more", async () => {
  const bench = open();
  change(bench, 1);
  bench.writes[0]?.signal.fail(new MeanderError("record-fenced", "epoch 2 is kept"));
  await settle();
  assert.equal(bench.fenced, 1);
  change(bench, 2);
  bench.context.clock.advance(10_000);
  assert.equal(bench.writes.length, 1);
  assert.deepEqual(bench.kept, []);
});

test("what comes back after it was closed counts for nothing", async () => {
  const bench = open();
  change(bench, 1);
  bench.journal.close();
  bench.writes[0]?.signal.end();
  await settle();
  assert.deepEqual(bench.kept, []);
  const other = open();
  change(other, 1);
  other.writes[0]?.signal.fail(new Error("no"));
  await settle();
  other.journal.close();
  other.context.clock.advance(10_000);
  assert.equal(other.writes.length, 1);
});
