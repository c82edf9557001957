import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../base/index.ts";
import { encodeRtp, type Frame } from "../wire/index.ts";
import { FrameReceiver } from "./frame-receiver.ts";

const WAIT_MS = 100;
const SETS = [Uint8Array.of(0x67, 0x42, 0xc0, 0x1e, 0xd9), Uint8Array.of(0x68, 0xce)];

interface SentPacket {
  readonly sequence: number;
  readonly frame: number;
  readonly rtp: Uint8Array;
}

test("packets in order become frames at once", () => {
  const receiver = vp9Receiver();
  const packets = vp9Packets({ frames: 10, packetsPerFrame: 3, firstSequence: 65_520 });
  const frames = packets.flatMap(({ rtp }) => receiver.push(rtp, 0));
  assert.deepEqual(numbersOf(frames), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(receiver.stats, {
    framesComplete: 10,
    framesDropped: 0,
    framesBeforeKey: 0,
    framesLeading: 0,
    packetsLost: 0,
    packetsDuplicate: 0,
    packetsInvalid: 0,
  });
});

test("any order and any duplicates give the same frames, while nothing is late", () => {
  const order = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 60, maxLength: 60 });
  fc.assert(
    fc.property(order, fc.integer({ min: 0, max: 0xffff }), (keys, firstSequence) => {
      const receiver = vp9Receiver();
      const packets = vp9Packets({ frames: 20, packetsPerFrame: 3, firstSequence });
      const [first, ...rest] = packets;
      const shuffled = rest
        .flatMap((packet) => [packet, packet])
        .map((packet, index) => ({ packet, key: keys[index % keys.length] as number }))
        .sort((a, b) => a.key - b.key)
        .map(({ packet }) => packet);
      const frames = [first as SentPacket, ...shuffled].flatMap(({ rtp }) => receiver.push(rtp, 0));
      assert.equal(frames.length, 20);
      assert.deepEqual(numbersOf(frames), [...frames.keys()]);
      assert.equal(receiver.stats.packetsDuplicate, rest.length);
      assert.equal(receiver.stats.packetsLost, 0);
    }),
  );
});

test("after any loss, frames are complete, in order, and begin with a key frame", () => {
  const kept = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 90, maxLength: 90 });
  fc.assert(
    fc.property(kept, fc.integer({ min: 0, max: 0xffff }), (fates, firstSequence) => {
      const receiver = vp9Receiver();
      const packets = vp9Packets({ frames: 30, packetsPerFrame: 3, firstSequence, keyEvery: 5 });
      const sent = packets.filter((_, index) => fates[index] !== 0);
      const frames = sent.flatMap(({ rtp }, index) => receiver.push(rtp, index));
      frames.push(...receiver.tick(1_000_000));
      const lost = new Set(packets.filter((_, i) => fates[i] === 0).map(({ frame }) => frame));
      let previous = -1;
      for (const frame of frames) {
        const number = frame.timestamp / 3000;
        assert.equal(frame.bytes.length, 6);
        assert(number > previous);
        assert(!lost.has(number));
        if (number !== previous + 1) assert(frame.key, `frame ${number} follows ${previous}`);
        previous = number;
      }
      for (let number = 0; number < 30; number += 5) {
        if (!lost.has(number)) assert(frames.some((frame) => frame.timestamp === number * 3000));
      }
    }),
  );
});

test("a missing packet delays the others by the wait and no longer", () => {
  const receiver = vp9Receiver();
  const packets = vp9Packets({ frames: 4, packetsPerFrame: 1, firstSequence: 0, keyEvery: 1 });
  const rtp = (index: number): Uint8Array => (packets[index] as SentPacket).rtp;
  assert.deepEqual(numbersOf(receiver.push(rtp(0), 0)), [0]);
  assert.deepEqual(receiver.push(rtp(2), 10), []);
  assert.deepEqual(receiver.push(rtp(3), 50), []);
  assert.deepEqual(receiver.tick(10 + WAIT_MS - 1), []);
  assert.deepEqual(numbersOf(receiver.tick(10 + WAIT_MS)), [2, 3]);
  assert.equal(receiver.stats.packetsLost, 1);
  assert.deepEqual(receiver.push(rtp(1), 200), []);
  assert.equal(receiver.stats.packetsDuplicate, 1);
});

test("each missing packet has its own wait", () => {
  const receiver = vp9Receiver();
  const packets = vp9Packets({ frames: 6, packetsPerFrame: 1, firstSequence: 0, keyEvery: 1 });
  const rtp = (index: number): Uint8Array => (packets[index] as SentPacket).rtp;
  receiver.push(rtp(0), 0);
  receiver.push(rtp(2), 10);
  receiver.push(rtp(4), 60);
  assert.deepEqual(numbersOf(receiver.tick(110)), [2]);
  assert.deepEqual(numbersOf(receiver.tick(159)), []);
  assert.deepEqual(numbersOf(receiver.tick(160)), [4]);
});

test("a gap is not waited for", () => {
  const receiver = vp9Receiver();
  const packets = vp9Packets({ frames: 6, packetsPerFrame: 1, firstSequence: 65_534, keyEvery: 1 });
  const rtp = (index: number): Uint8Array => (packets[index] as SentPacket).rtp;
  receiver.push(rtp(0), 0);
  receiver.push(rtp(4), 0);
  receiver.gap(65_535, 3);
  assert.deepEqual(numbersOf(receiver.tick(0)), [4]);
  assert.deepEqual(numbersOf(receiver.push(rtp(5), 0)), [5]);
  assert.equal(receiver.stats.packetsLost, 3);
});

test("a gap that is announced before the packets around it arrive is not waited for either", () => {
  const receiver = vp9Receiver();
  const packets = vp9Packets({ frames: 6, packetsPerFrame: 1, firstSequence: 0, keyEvery: 1 });
  const rtp = (index: number): Uint8Array => (packets[index] as SentPacket).rtp;
  receiver.push(rtp(0), 0);
  receiver.gap(2, 2);
  assert.deepEqual(receiver.push(rtp(4), 0), []);
  assert.deepEqual(numbersOf(receiver.push(rtp(1), 0)), [1, 4]);
  assert.equal(receiver.stats.packetsLost, 2);
});

test("a packet that arrives although it was announced as a gap is used", () => {
  const receiver = vp9Receiver();
  const packets = vp9Packets({ frames: 4, packetsPerFrame: 1, firstSequence: 0, keyEvery: 1 });
  const rtp = (index: number): Uint8Array => (packets[index] as SentPacket).rtp;
  receiver.push(rtp(0), 0);
  receiver.gap(2, 1);
  receiver.push(rtp(2), 0);
  receiver.push(rtp(3), 0);
  assert.deepEqual(numbersOf(receiver.push(rtp(1), 0)), [1, 2, 3]);
  assert.equal(receiver.stats.packetsLost, 0);
});

test("a gap of thousands of packets, or of half of all sequences, is skipped at once", () => {
  for (const count of [10_000, 40_000, 0xffff_ffff]) {
    const receiver = vp9Receiver();
    const before = vp9Packets({ frames: 1, packetsPerFrame: 1, firstSequence: 5 });
    const after = vp9Packets({
      frames: 2,
      packetsPerFrame: 1,
      firstSequence: (6 + count) & 0xffff,
    });
    receiver.push((before[0] as SentPacket).rtp, 0);
    receiver.gap(6, count);
    const frames = after.flatMap(({ rtp }) => receiver.push(rtp, 0));
    assert.equal(frames.length, 2);
    assert.equal(receiver.stats.packetsLost, Math.min(count, 0xffff));
  }
});

test("a jump is believed when the next packet follows it, and no packet of it is lost", () => {
  for (const jump of [20_000, 40_000, -101]) {
    const receiver = vp9Receiver();
    const before = vp9Packets({ frames: 3, packetsPerFrame: 2, firstSequence: 500 });
    const after = vp9Packets({
      frames: 3,
      packetsPerFrame: 2,
      firstSequence: (506 + jump) & 0xffff,
    });
    for (const { rtp } of before) receiver.push(rtp, 0);
    const frames = after.flatMap(({ rtp }) => receiver.push(rtp, 0));
    assert.deepEqual(numbersOf(frames), [0, 1, 2]);
    assert.equal(receiver.stats.packetsInvalid, 0);
  }
});

test("a single packet with a distant sequence changes nothing and is counted", () => {
  const receiver = vp9Receiver();
  const packets = vp9Packets({ frames: 3, packetsPerFrame: 2, firstSequence: 500 });
  const [stray] = vp9Packets({ frames: 1, packetsPerFrame: 1, firstSequence: 30_000 });
  const [first, ...rest] = packets;
  receiver.push((first as SentPacket).rtp, 0);
  receiver.push((stray as SentPacket).rtp, 0);
  const frames = rest.flatMap(({ rtp }) => receiver.push(rtp, 0));
  assert.deepEqual(numbersOf(frames), [0, 1, 2]);
  assert.equal(receiver.stats.packetsInvalid, 1);
});

test("video begins with a key frame", () => {
  const receiver = vp9Receiver();
  const packets = vp9Packets({ frames: 10, packetsPerFrame: 2, firstSequence: 0, keyEvery: 5 });
  const frames = packets.slice(3).flatMap(({ rtp }) => receiver.push(rtp, 0));
  assert.deepEqual(numbersOf(frames), [5, 6, 7, 8, 9]);
  assert.equal(receiver.stats.framesDropped, 4);
});

test("audio continues after a loss", () => {
  const receiver = new FrameReceiver({ codec: "opus", waitMs: WAIT_MS });
  const at = (sequence: number): Uint8Array => packet({ sequence, timestamp: sequence * 960 });
  const frames = [0, 1, 4, 3, 5].flatMap((sequence) => receiver.push(at(sequence), 0));
  frames.push(...receiver.tick(WAIT_MS));
  assert.deepEqual(
    frames.map((frame) => frame.timestamp / 960),
    [0, 1, 3, 4, 5],
  );
  assert.equal(receiver.stats.packetsLost, 1);
});

test("bytes that are not RTP are counted", () => {
  const receiver = vp9Receiver();
  assert.deepEqual(receiver.push(Uint8Array.of(1, 2, 3), 0), []);
  assert.equal(receiver.stats.packetsInvalid, 1);
});

test("a key frame without parameter sets gets the given ones", () => {
  const sps = Uint8Array.of(0x67, 0x42, 0xc0, 0x1e, 0xd9);
  const pps = Uint8Array.of(0x68, 0xce);
  const receiver = new FrameReceiver({ codec: "h264", parameterSets: [sps, pps], waitMs: WAIT_MS });
  const payload = Uint8Array.of(0x65, 0x88);
  receiver.push(packet({ sequence: 0, timestamp: 0, marker: true, payload }), 0);
  const [frame] = receiver.finish();
  assert.deepEqual(
    frame?.bytes,
    Uint8Array.of(0, 0, 0, 1, ...sps, 0, 0, 0, 1, ...pps, 0, 0, 0, 1, 0x65, 0x88),
  );
});

test("an unknown codec is an error with a code", () => {
  assert.throws(() => new FrameReceiver({ codec: "h266", waitMs: 1 }), {
    code: "codec-unsupported",
  });
});

test("held packets are bounded in number and bytes, even when time stands still", () => {
  const receiver = new FrameReceiver({ codec: "opus", waitMs: WAIT_MS });
  const payload = new Uint8Array(60_000);
  let frames = receiver.push(packet({ sequence: 0, timestamp: 0 }), 0).length;
  const room = Math.floor(LIMITS.frameBytesMax / (payload.length + 12));
  for (let sequence = 2; sequence < 2 + room; sequence++) {
    frames += receiver.push(packet({ sequence, timestamp: sequence, payload }), 0).length;
  }
  assert.equal(frames, 1);
  const last = packet({ sequence: 2 + room, timestamp: 0, payload });
  assert.equal(receiver.push(last, 0).length, room + 1);
  assert.equal(receiver.stats.packetsLost, 1);
});

test("frames of a sender without key frames are counted, and it is known since when they come", () => {
  const receiver = vp9Receiver();
  const packets = vp9Packets({ frames: 6, packetsPerFrame: 1, firstSequence: 0, keyEvery: 4 });
  for (const [index, { rtp }] of packets.slice(1, 4).entries())
    receiver.push(rtp, 100 + index * 40);
  assert.equal(receiver.stats.framesBeforeKey, 3);
  assert.equal(receiver.stats.framesDropped, 3);
  assert.equal(receiver.keylessSinceMs, 100);
  for (const { rtp } of packets.slice(4)) receiver.push(rtp, 300);
  assert.equal(receiver.stats.framesComplete, 2);
  assert.equal(receiver.keylessSinceMs, undefined);
});

test("a receiver that starts with an open group of pictures leaves out what leads it; one that goes on does not", () => {
  const nal = (type: number) => Uint8Array.of(type << 1, 1, 0xd0, 0xaa);
  const sets = [32, 33, 34].map((type) => nal(type));
  // CRA, two leading pictures, and one behind it; twice.
  const units = [[...sets, nal(21)], [nal(8)], [nal(9)], [nal(1)]];
  const receiver = new FrameReceiver({ codec: "h265", waitMs: WAIT_MS });
  let sequence = 0;
  const frames = [...units, ...units].flatMap((nals, frame) =>
    nals.flatMap((payload, index) => {
      const marker = index === nals.length - 1;
      return receiver.push(
        packet({ sequence: sequence++, timestamp: frame * 3000, marker, payload }),
        frame,
      );
    }),
  );
  assert.deepEqual(numbersOf(frames), [0, 3, 4, 5, 6, 7]);
  assert.deepEqual(frames.map(({ leading }) => leading === true).indexOf(true), 3);
  assert.equal(receiver.stats.framesLeading, 2);
  assert.equal(receiver.stats.framesDropped, 2);
});

test("a frame without a marker is returned after silence, or when its source has ended", () => {
  const nal = Uint8Array.of(0x65, 0x88, 0x84);
  const options = { codec: "h264", parameterSets: SETS, waitMs: WAIT_MS };
  for (const [marker, patience] of [
    [false, 500],
    [true, 100],
  ] as const) {
    const receiver = new FrameReceiver(options);
    receiver.push(packet({ sequence: 0, timestamp: 0, marker, payload: nal }), 1_000);
    assert.deepEqual(receiver.tick(999 + patience), []);
    assert.deepEqual(numbersOf(receiver.tick(1_000 + patience)), [0]);
  }
  const ended = new FrameReceiver(options);
  ended.push(packet({ sequence: 0, timestamp: 0, payload: nal }), 1_000);
  ended.push(packet({ sequence: 2, timestamp: 3000, payload: Uint8Array.of(0x41, 0x9a) }), 1_000);
  // What is missing between the two leaves the first in doubt.
  assert.deepEqual(numbersOf(ended.finish()), []);
  assert.equal(ended.stats.packetsLost, 1);
});

test("a frame whose rest is late is not ended by silence where frames end with markers", () => {
  const slice = (type: number, first: number) => Uint8Array.of(type, first, 0x84);
  const receiver = new FrameReceiver({ codec: "h264", parameterSets: SETS, waitMs: WAIT_MS });
  receiver.push(packet({ sequence: 0, timestamp: 0, marker: true, payload: slice(0x65, 0x88) }), 0);
  receiver.push(packet({ sequence: 1, timestamp: 3000, payload: slice(0x41, 0x9a) }), 40);
  assert.deepEqual(receiver.tick(5_000).length, 0);
  const rest = { sequence: 2, timestamp: 3000, marker: true, payload: slice(0x41, 0x4a) };
  const frames = [...receiver.push(packet(rest), 5_000), ...receiver.tick(5_100)];
  assert.deepEqual(numbersOf(frames), [1]);
  assert.equal(receiver.stats.framesComplete, 2);
});

test("what comes of a frame after silence has ended it is no frame of its own, and counted", () => {
  const slice = (type: number, first: number) => Uint8Array.of(type, first, 0x84);
  const receiver = new FrameReceiver({ codec: "h264", parameterSets: SETS, waitMs: WAIT_MS });
  const frames = [
    ...receiver.push(packet({ sequence: 0, timestamp: 0, payload: slice(0x65, 0x88) }), 0),
    ...receiver.tick(600),
    ...receiver.push(packet({ sequence: 1, timestamp: 0, payload: slice(0x65, 0x4a) }), 3_000),
    ...receiver.push(packet({ sequence: 2, timestamp: 3000, payload: slice(0x41, 0x9a) }), 3_040),
    ...receiver.push(packet({ sequence: 3, timestamp: 6000, payload: slice(0x65, 0x88) }), 3_080),
    ...receiver.tick(4_000),
  ];
  assert.deepEqual(numbersOf(frames), [0, 2]);
  assert.equal(receiver.stats.framesDropped, 2);
});

test("arbitrary packets and gaps never cause an exception or an inconsistent state", () => {
  const step = fc.oneof(
    fc.record({
      type: fc.constant("packet" as const),
      sequence: fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 20 })),
    }),
    fc.record({
      type: fc.constant("gap" as const),
      sequence: fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.integer({ min: 0, max: 20 })),
      count: fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.integer({ min: 0, max: 5 })),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const receiver = new FrameReceiver({ codec: "opus", waitMs: WAIT_MS });
      let pushed = 0;
      let frames = 0;
      for (const [nowMs, each] of steps.entries()) {
        if (each.type === "gap") {
          receiver.gap(each.sequence, each.count);
        } else {
          pushed++;
          frames += receiver.push(packet({ sequence: each.sequence, timestamp: 0 }), nowMs).length;
        }
      }
      frames += receiver.tick(1_000_000).length;
      const { framesComplete, packetsDuplicate, packetsInvalid } = receiver.stats;
      assert.equal(frames, framesComplete);
      // Each packet is a frame, a duplicate or a stray; the newest stray may still wait for its successor.
      const accounted = frames + packetsDuplicate + packetsInvalid;
      assert(accounted === pushed || accounted === pushed - 1, `${accounted} of ${pushed}`);
    }),
    { numRuns: 1000 },
  );
});

function vp9Receiver(): FrameReceiver {
  return new FrameReceiver({ codec: "vp9", waitMs: WAIT_MS });
}

/** Frame n has timestamp n x 3000 and two bytes for each of its packets. */
function vp9Packets(options: {
  frames: number;
  packetsPerFrame: number;
  firstSequence: number;
  keyEvery?: number;
}): SentPacket[] {
  const { frames, packetsPerFrame, firstSequence, keyEvery = frames } = options;
  return Array.from({ length: frames * packetsPerFrame }, (_, index) => {
    const frame = Math.floor(index / packetsPerFrame);
    const part = index % packetsPerFrame;
    const sequence = (firstSequence + index) & 0xffff;
    const marker = part === packetsPerFrame - 1;
    const descriptor = (part === 0 ? 0x08 : 0) | (marker ? 0x04 : 0);
    const payload = Uint8Array.of(descriptor, frame % keyEvery === 0 ? 0x82 : 0x86, part);
    return { sequence, frame, rtp: packet({ sequence, timestamp: frame * 3000, marker, payload }) };
  });
}

function packet(options: {
  sequence: number;
  timestamp: number;
  marker?: boolean;
  payload?: Uint8Array;
}): Uint8Array {
  const { sequence, timestamp, marker = false, payload = Uint8Array.of(0xfc) } = options;
  const head = { payloadType: 96, ssrc: 1, csrcs: [], extensions: [] };
  return encodeRtp({ ...head, sequence, timestamp, marker, payload });
}

function numbersOf(frames: readonly Frame[]): number[] {
  return frames.map((frame) => frame.timestamp / 3000);
}
