import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../base/index.ts";
import { BenchContext, ELSEWHERE, HERE, THERE } from "./bench-context.test.support.ts";
import { type Frame, SEGMENT, type Segment } from "./frames.ts";
import { type Arrival, ReceivePair } from "./receive-pair.ts";
import { SendWindow } from "./send-window.ts";

type AppendFrame = Extract<Frame, { type: "append" }>;

const SOURCE = 1;
const TARGET = 9;

interface Bench {
  readonly context: BenchContext;
  readonly pair: ReceivePair;
  readonly owner: { address: number; streamEpoch: number; maySend: boolean; room: number };
  readonly got: Arrival[];
  accept(frame: Partial<AppendFrame>, from?: typeof THERE): void;
  /** Of the newest acknowledgement. */
  ack(): Extract<Frame, { type: "ack" }> | undefined;
}

function open({ consumed = 0, lossless = true } = {}): Bench {
  const context = new BenchContext();
  const owner = { address: TARGET, streamEpoch: 1, maySend: true, room: 1_000_000 };
  const state = {
    source: SOURCE,
    sourceName: "foo",
    sourceEpoch: 1,
    consumed,
    siteInstance: THERE,
  };
  const pair = new ReceivePair(context, owner, state);
  const got: Arrival[] = [];
  return {
    ...{ context, pair, owner, got },
    accept: (parts, from = THERE) => {
      const frame: AppendFrame = {
        type: "append",
        source: SOURCE,
        sourceEpoch: 1,
        target: TARGET,
        targetEpoch: 1,
        base: 1,
        first: 1,
        sourceName: "foo",
        segments: [],
        ...parts,
      };
      context.turn(() => pair.accept(from, frame, (arrival) => void got.push(arrival), lossless));
    },
    ack: () => context.takenOf("ack").at(-1),
  };
}

/** Messages of one segment each. */
const whole = (...values: number[]): Segment[] =>
  values.map((value) => ({ flags: SEGMENT.end, bytes: Uint8Array.of(value) }));
const piece = (value: number): Segment => ({ flags: 0, bytes: Uint8Array.of(value) });
const payloads = (got: readonly Arrival[]): number[][] => got.map(({ payload }) => [...payload]);

test("[M1] messages are handed on in order and once, however the frames arrive", () => {
  const steps = fc.record({
    sizes: fc.array(fc.integer({ min: 0, max: 350 }), { minLength: 1, maxLength: 30 }),
    fates: fc.array(fc.tuple(fc.nat(5), fc.nat(3)), { maxLength: 200 }),
  });
  fc.assert(
    fc.property(steps, ({ sizes, fates }) => {
      const sender = new BenchContext();
      sender.frameBytes = 300;
      sender.locate(TARGET, HERE);
      const owner = {
        id: SOURCE,
        name: "foo",
        streamEpoch: 1,
        maySend: true,
        windowMoved: () => {},
      };
      const window = new SendWindow(
        sender,
        owner,
        { target: TARGET, targetName: "bar" },
        { held: false, resync: false },
      );
      const { context, pair, got, accept } = open();
      const sent = sizes.map((size, index) => new Uint8Array(size).fill(index + 1));
      for (const payload of sent) window.push(payload);
      const waiting: Frame[] = [];
      const deliver = (frame: Frame): void => {
        if (frame.type === "append") accept(frame);
        if (frame.type === "ack") sender.turn(() => window.acknowledged(frame));
      };
      const collect = (): void => {
        for (const { frame } of [...sender.taken(), ...context.taken()]) waiting.push(frame);
      };
      const consume = (): void => {
        const { seq = 0 } = got.at(-1) ?? {};
        pair.consumedUpTo(seq);
        pair.acknowledgeUpTo(seq);
      };
      for (const [fate, which] of fates) {
        collect();
        const [frame] = waiting.splice(which % Math.max(1, waiting.length), fate === 0 ? 0 : 1);
        if (frame !== undefined && fate > 1) deliver(frame);
        if (fate === 5) consume();
        if (fate === 0) sender.clock.advance(300);
      }
      // Nothing goes wrong any more.
      for (let round = 0; round < 300 && !window.isEmpty; round++) {
        collect();
        for (const frame of waiting.splice(0)) deliver(frame);
        consume();
        sender.clock.advance(50);
        context.clock.advance(50);
      }
      assert.ok(window.isEmpty);
      assert.deepEqual(
        payloads(got),
        sent.map((payload) => [...payload]),
      );
    }),
    { numRuns: 150 },
  );
});

test("[M30] a duplicate is dropped and counted, and acknowledged again", () => {
  const { context, got, accept, ack } = open();
  accept({ segments: whole(1, 2) });
  context.taken();
  accept({ segments: whole(1, 2) });
  assert.deepEqual(payloads(got), [[1], [2]]);
  assert.equal(context.counts.get("duplicate"), 2);
  assert.equal(ack()?.received, 2);
});

test("[M30] what is beyond a hole waits, and the acknowledgement says where the hole ends", () => {
  const { got, accept, ack } = open();
  accept({ first: 3, segments: whole(3) });
  accept({ first: 5, segments: whole(5) });
  assert.deepEqual(got, []);
  assert.deepEqual(ack(), {
    type: "ack",
    source: SOURCE,
    target: TARGET,
    targetEpoch: 1,
    consumed: 0,
    received: 0,
    credit: 2_048,
    beyondGap: 3,
  });
  accept({ segments: whole(1, 2) });
  assert.deepEqual(payloads(got), [[1], [2], [3]]);
  assert.equal(ack()?.beyondGap, 5);
  accept({ first: 4, segments: whole(4) });
  assert.deepEqual(payloads(got), [[1], [2], [3], [4], [5]]);
  assert.equal(ack()?.beyondGap, 0);
});

test("[M30] what is further ahead than a window is dropped", () => {
  const { context, got, accept } = open();
  accept({ first: LIMITS.streamWindowSegmentsMax + 1, segments: whole(1) });
  assert.equal(context.counts.get("beyond-window"), 1);
  accept({ first: Number.MAX_SAFE_INTEGER - 1, segments: whole(1, 2, 3) });
  assert.equal(context.counts.get("beyond-window"), 4);
  assert.deepEqual(got, []);
});

test("[M25] segments are put together, and the last one's number names the message", () => {
  const { got, accept } = open();
  accept({ segments: [piece(1), piece(2), ...whole(3, 4)] });
  assert.deepEqual(
    got.map(({ first, seq, payload }) => [first, seq, [...payload]]),
    [
      [1, 3, [1, 2, 3]],
      [4, 4, [4]],
    ],
  );
});

test("[M25] the streams that wait for a message come before it, in its first segment", () => {
  const { got, accept } = open();
  const bytes = new Uint8Array(1 + 16 + 1);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 2);
  view.setFloat64(1, 4);
  view.setFloat64(9, 2 ** 40);
  bytes[17] = 77;
  const flags = SEGMENT.chain | SEGMENT.wantsReply;
  accept({
    segments: [
      { flags, bytes: bytes.subarray(0, 5) },
      { flags: SEGMENT.end, bytes: bytes.subarray(5) },
    ],
  });
  assert.deepEqual(
    got.map(({ chain, payload, wantsReply }) => [chain, [...payload], wantsReply]),
    [[[4, 2 ** 40], [77], true]],
  );
  // A count without the ids that it promises: a message that no handler will understand.
  accept({
    first: 3,
    segments: [{ flags: SEGMENT.chain | SEGMENT.end, bytes: Uint8Array.of(9, 1) }],
  });
  accept({ first: 4, segments: [{ flags: SEGMENT.chain | SEGMENT.end, bytes: new Uint8Array() }] });
  assert.deepEqual(
    got.slice(1).map(({ chain, payload }) => [chain, [...payload]]),
    [
      [[], [9, 1]],
      [[], []],
    ],
  );
});

test("[M2] acknowledged is what was consumed, told apart from what has arrived", () => {
  const { context, pair, accept, ack } = open();
  accept({ segments: whole(1, 2, 3) });
  assert.deepEqual([ack()?.consumed], [0]);
  pair.consumedUpTo(2);
  assert.deepEqual(context.taken(), [], "not before it may be forgotten");
  pair.acknowledgeUpTo(2);
  const told = ack();
  assert.deepEqual([told?.consumed, told?.received], [2, 3]);
});

test("[M26] the credit is one window beyond what waits; without room there is none", () => {
  const { owner, pair, accept, ack } = open();
  accept({ segments: whole(1, 2, 3) });
  assert.equal(ack()?.credit, LIMITS.streamWindowSegmentsMax);
  // A message that is not whole yet must not be in its own way.
  accept({ first: 4, segments: [piece(4), piece(5)] });
  assert.equal(ack()?.credit, LIMITS.streamWindowSegmentsMax + 2);
  owner.room = 0;
  accept({ first: 6, segments: [] });
  assert.equal(ack()?.credit, 5);
  pair.consumedUpTo(3);
  pair.acknowledgeUpTo(3);
  assert.equal(ack()?.credit, 2);
});

test("[M10] a full mailbox takes nothing, and what it did not take comes again", () => {
  const { context, owner, got, accept, ack } = open();
  owner.room = 0;
  accept({ segments: whole(1, 2) });
  assert.deepEqual(got, []);
  assert.equal(context.counts.get("mailbox-full"), 1);
  assert.equal(ack()?.received, 0);
  owner.room = 10;
  accept({ segments: whole(1, 2) });
  assert.deepEqual(payloads(got), [[1], [2]]);
});

test("[M9] what a source sends from a site that it has left is refused", () => {
  const { context, got, accept, ack } = open();
  accept({ sourceEpoch: 3, segments: whole(1) }, ELSEWHERE);
  context.taken();
  accept({ sourceEpoch: 2, first: 2, segments: whole(2) });
  assert.deepEqual(payloads(got), [[1]]);
  assert.equal(context.counts.get("stale-source"), 1);
  assert.equal(ack(), undefined);
});

test("[M5] a message of which a part had come from the source's earlier site arrives whole from the new one", () => {
  const { got, accept, pair } = open();
  accept({ segments: [...whole(1), piece(2)] });
  accept({ first: 4, segments: whole(4) });
  accept({ sourceEpoch: 2, first: 2, segments: [piece(2), ...whole(3)] }, ELSEWHERE);
  assert.deepEqual(payloads(got), [[1], [2, 3]]);
  assert.equal(pair.siteInstance, ELSEWHERE);
});

test("[M6] a base beyond what has arrived means that the rest will never come: counted once something was there", () => {
  const { context, got, accept, ack } = open();
  accept({ segments: [...whole(1), piece(2)] });
  accept({ first: 6, segments: whole(6) });
  accept({ base: 5, first: 5, segments: whole(5) });
  assert.deepEqual(payloads(got), [[1], [5], [6]]);
  assert.equal(context.counts.get("lost-with-source"), 2);
  assert.equal(ack()?.received, 6);
  // One that knows nothing of the source has lost nothing: those before were for another.
  const fresh = open();
  fresh.accept({ base: 100, first: 100, segments: whole(7) });
  assert.deepEqual(payloads(fresh.got), [[7]]);
  assert.equal(fresh.context.counts.get("lost-with-source"), 0);
  assert.equal(fresh.ack()?.consumed, 99);
});

test("[M6] when nothing waits, what will never come counts as consumed; else it is skipped when its turn comes", () => {
  const { pair, accept, ack } = open();
  accept({ segments: whole(1) });
  accept({ base: 5, first: 5, segments: [] });
  assert.deepEqual([pair.consumed, ack()?.consumed], [0, 0]);
  pair.consumedUpTo(1);
  accept({ base: 9, first: 9, segments: whole(9) });
  pair.consumedUpTo(9);
  pair.acknowledgeUpTo(9);
  assert.equal(ack()?.consumed, 9);
  const idle = open({ consumed: 3 });
  idle.accept({ base: 8, first: 8, segments: [] });
  assert.deepEqual([idle.pair.consumed, idle.ack()?.consumed], [7, 7]);
});

test("[M31] in a reply box holes are no loss", () => {
  const { context, accept } = open({ lossless: false });
  accept({ segments: whole(1) });
  accept({ base: 5, first: 5, segments: whole(5) });
  assert.equal(context.counts.get("lost-with-source"), 0);
});

test("[M6] a source that lost its numbers is told the highest one that is here", () => {
  const { pair, got, accept } = open();
  accept({ segments: [...whole(1, 2), piece(3)] });
  assert.equal(pair.resync(ELSEWHERE, 0), undefined, "not to one of an earlier epoch");
  assert.equal(pair.resync(ELSEWHERE, 2), 2, "a part of a message is not here");
  accept({ sourceEpoch: 2, base: 3, first: 3, segments: whole(30) }, ELSEWHERE);
  assert.deepEqual(payloads(got), [[1], [2], [30]]);
});

test("[M6] what travels is what was consumed: the rest is sent again to the new site", () => {
  const { pair, accept } = open();
  accept({ segments: whole(1, 2, 3) });
  pair.consumedUpTo(2);
  const state = pair.state();
  assert.deepEqual(state, {
    source: SOURCE,
    sourceName: "foo",
    sourceEpoch: 1,
    consumed: 2,
    siteInstance: THERE,
  });
  const there = open({ consumed: state.consumed });
  there.accept({ segments: whole(1, 2, 3) });
  assert.deepEqual(payloads(there.got), [[3]]);
});

test("[M9] nothing is acknowledged while the owner may not send", () => {
  const { owner, accept, ack } = open();
  owner.maySend = false;
  accept({ segments: whole(1) });
  assert.equal(ack(), undefined);
});
