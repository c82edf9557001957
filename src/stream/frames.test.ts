import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeFrames } from "./decode-frames.ts";
import { encodeFrame, type Frame, frameHead, type Segment } from "./frames.ts";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const endpoint = fc.integer({ min: -(2 ** 49) - 0xffff_ffff, max: 2 ** 49 + 0xffff_ffff });
const sequence = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 1 });
const name = fc.string({ maxLength: 40, unit: "grapheme" });
const segment: fc.Arbitrary<Segment> = fc.record(
  { flags: fc.integer({ min: 0, max: 255 }), bytes: fc.uint8Array({ maxLength: 300 }) },
  { noNullPrototype: true },
);
const ends = { source: endpoint, target: endpoint, targetEpoch: u32 };
const plain = { noNullPrototype: true } as const;

const frames: fc.Arbitrary<Frame> = fc.oneof(
  fc
    .record(
      {
        ...{
          type: fc.constant("append" as const),
          ...ends,
          sourceEpoch: u32,
          base: sequence,
          ahead: fc.nat(5_000),
        },
        ...{ sourceName: name, segments: fc.array(segment, { maxLength: 8 }) },
        sourcePrincipal: fc.option(name, { nil: undefined }),
      },
      plain,
    )
    .map(({ ahead, base, sourcePrincipal, ...rest }) => {
      const from = Math.min(base + 1, Number.MAX_SAFE_INTEGER - 5_000);
      const frame = { ...rest, base: from, first: from + ahead };
      return sourcePrincipal === undefined ? frame : { ...frame, sourcePrincipal };
    }),
  fc.record(
    {
      type: fc.constant("ack" as const),
      ...ends,
      consumed: sequence,
      received: sequence,
      credit: u32,
      beyondGap: sequence,
    },
    plain,
  ),
  fc.record(
    {
      type: fc.constant("moved" as const),
      ...ends,
      siteInstance: fc.record({ site: name, instance: u32 }, plain),
    },
    plain,
  ),
  fc.record({ type: fc.constant("refused" as const), ...ends, code: name, message: name }, plain),
  fc.record({ type: fc.constant("resync" as const), ...ends, sourceEpoch: u32 }, plain),
  fc.record(
    { type: fc.constant("resynced" as const), ...ends, sourceEpoch: u32, received: sequence },
    plain,
  ),
);

test("[M20] [M21] [M22] [M23] [M24] frames come back as they were, one behind the other", () => {
  fc.assert(
    fc.property(fc.array(frames, { maxLength: 5 }), (sent) => {
      const { got, malformed } = decode(joined(sent.map(encodeFrame)));
      assert.equal(malformed, 0);
      assert.deepEqual(got.map(copied), sent);
    }),
  );
});

test("[M20] a frame begins with its own length, these four bytes included, big endian", () => {
  const bytes = encodeFrame({
    type: "resync",
    source: 1,
    sourceEpoch: 2,
    target: 3,
    targetEpoch: 4,
  });
  assert.deepEqual(
    [...bytes],
    [
      0, 0, 0, 29, 5, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x40, 0x08, 0, 0, 0, 0, 0, 0, 0, 0,
      0, 4,
    ],
  );
});

test("[M20] names and texts are cut to 255 bytes, and not in the middle of a character", () => {
  const message = `${"x".repeat(254)}äöü`;
  const sent: Frame = { type: "refused", source: 1, target: 2, targetEpoch: 1, code: "c", message };
  const { got } = decode(encodeFrame(sent));
  assert.deepEqual(got, [{ ...sent, message: "x".repeat(254) }]);
});

test("[M20] reading stops at the first bytes that are no frame, and what was before counts", () => {
  const good = encodeFrame({
    type: "resync",
    source: 1,
    sourceEpoch: 2,
    target: 3,
    targetEpoch: 4,
  });
  const bad = good.slice();
  bad[4] = 99;
  const { got, malformed } = decode(joined([good, bad, good]));
  assert.equal(got.length, 1);
  assert.equal(malformed, 1);
});

test("[M20] a frame that is cut anywhere, or longer than it says, is none", () => {
  fc.assert(
    fc.property(frames, fc.nat(), (frame, at) => {
      const bytes = encodeFrame(frame);
      const cut = bytes.subarray(0, at % bytes.byteLength);
      const truncated = decode(cut);
      assert.deepEqual(
        [truncated.got.length, truncated.malformed],
        [0, cut.byteLength === 0 ? 0 : 1],
      );
      // Its own length says more, or less, than is in it.
      for (const length of [bytes.byteLength + 1, bytes.byteLength - 1, 0, 4, 0xffff_ffff]) {
        const wrong = joined([bytes, new Uint8Array(1)]);
        new DataView(wrong.buffer).setUint32(0, length);
        assert.equal(decode(wrong).malformed, 1);
      }
    }),
  );
});

test("[M20] no bytes make reading throw, and no number that is not whole comes out", () => {
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .tuple(frames, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
      .map(([frame, changes]) => {
        const bytes = encodeFrame(frame);
        for (const [at, value] of changes) bytes[at % bytes.byteLength] = value;
        return bytes;
      }),
  );
  fc.assert(
    fc.property(hostile, (bytes) => {
      for (const frame of decode(bytes).got) {
        assert.ok(Number.isSafeInteger(frame.source) && Number.isSafeInteger(frame.target));
        if (frame.type === "append") assert.ok(frame.base >= 1 && frame.first >= frame.base);
        if (frame.type === "ack")
          assert.ok(Number.isSafeInteger(frame.consumed) && Number.isSafeInteger(frame.received));
      }
    }),
    { numRuns: 1_000 },
  );
});

test("[M21] an append below its own base, or with base 0, is none", () => {
  const frame: Frame = {
    type: "append",
    source: 1,
    sourceEpoch: 1,
    target: 2,
    targetEpoch: 1,
    base: 5,
    first: 5,
    sourceName: "foo",
    segments: [],
  };
  assert.equal(decode(encodeFrame(frame)).malformed, 0);
  assert.equal(decode(encodeFrame({ ...frame, first: 4 })).malformed, 1);
  assert.equal(decode(encodeFrame({ ...frame, base: 0 })).malformed, 1);
});

function decode(bytes: Uint8Array): { got: Frame[]; malformed: number } {
  const got: Frame[] = [];
  const malformed = decodeFrames(bytes, (frame) => void got.push(frame));
  return { got, malformed };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Contents are borrowed: equal, but not of the same buffer. */
function copied(frame: Frame): Frame {
  if (frame.type !== "append") return frame;
  return {
    ...frame,
    segments: frame.segments.map(({ flags, bytes }) => ({ flags, bytes: bytes.slice() })),
  };
}

test("[M21] [M22] the head of an append or an ack says the same as the whole frame", () => {
  fc.assert(
    fc.property(frames, (frame) => {
      const head = frameHead(encodeFrame(frame));
      if (frame.type === "append") {
        const { sourceName: _name, sourcePrincipal: _as, segments, ...rest } = frame;
        assert.deepEqual(head, { ...rest, count: segments.length });
      } else assert.deepEqual(head, frame.type === "ack" ? frame : undefined);
    }),
  );
});
