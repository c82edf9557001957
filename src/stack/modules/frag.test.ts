import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS, VirtualClock } from "../../base/index.ts";
import { decodeHeader, encodePacket, FLAG, type Header, KIND } from "../../wire/index.ts";
import { ModuleEnd, moduleConformance, packetArbitrary } from "../module.conformance.ts";
import { FRAG_HEADER_BYTES, fragModule } from "./frag.ts";
import { Reassembly } from "./reassembly.ts";

moduleConformance(fragModule, { belowBytesMax: LIMITS.datagramBytesMax });
moduleConformance(fragModule, { parameters: { mtu: 576 }, belowBytesMax: 576 });
moduleConformance(fragModule, { parameters: { mtu: 1_400 }, belowBytesMax: 700 });

const OVERHEAD = 20 + FRAG_HEADER_BYTES;

function frag(mtu = 1_472): ModuleEnd {
  const below = { maxBytes: LIMITS.datagramBytesMax, overheadBytes: 0 };
  const kind = { reliable: false, coalesces: false };
  return new ModuleEnd(fragModule, { mtu }, { ...below, ...kind }, { clock: new VirtualClock() });
}

function packetOf(payloadBytes: number, header: Partial<Header> = {}): Uint8Array {
  const payload = Uint8Array.from({ length: payloadBytes }, (_, at) => at % 251);
  return encodePacket(
    {
      kind: KIND.rtp,
      flags: FLAG.begin | FLAG.keyframe,
      channel: 7,
      source: 9,
      stackEpoch: 3,
      medium: 2,
      sourceGeneration: 4,
      sequence: 1_000,
      ...header,
    },
    payload,
  );
}

function fragmentsOf(packet: Uint8Array, end: ModuleEnd = frag()): Uint8Array[] {
  end.module.down(packet, 0);
  return end.collect();
}

function fragmentOf(
  { message, index, count }: { message: number; index: number; count: number },
  slice: Uint8Array = Uint8Array.of(1),
): Uint8Array {
  const payload = new Uint8Array(FRAG_HEADER_BYTES + slice.byteLength);
  const view = new DataView(payload.buffer);
  view.setUint32(0, message, true);
  view.setUint16(4, index, true);
  view.setUint16(6, count, true);
  payload.set(slice, FRAG_HEADER_BYTES);
  const header = { kind: KIND.fragment, flags: 0, channel: 7, source: 9, medium: 2 };
  return encodePacket({ ...header, sourceGeneration: 4, sequence: 1_000 }, payload);
}

function pushAll(
  reassembly: Reassembly,
  fragments: readonly Uint8Array[],
  nowMs = 0,
): Uint8Array[] {
  return fragments.flatMap((each) => reassembly.push(each, nowMs) ?? []);
}

test("[S20] a packet of exactly mtu bytes passes as the same bytes", () => {
  const packet = packetOf(1_472 - 20);
  const [only, ...others] = fragmentsOf(packet);
  assert.equal(only, packet);
  assert.equal(others.length, 0);
});

test("[S21] a packet of 1492 bytes goes as two equal fragments with its identity", () => {
  const packet = packetOf(1_472);
  const fragments = fragmentsOf(packet);
  assert.deepEqual(
    fragments.map((each) => each.byteLength),
    [OVERHEAD + 746, OVERHEAD + 746],
  );
  const headers = fragments.map((each) => decodeHeader(each) as Header);
  assert.deepEqual(
    headers.map(({ flags }) => flags),
    [FLAG.begin, FLAG.end],
  );
  for (const header of headers) {
    assert.deepEqual(
      { ...header, flags: 0, length: 0, kind: 0 },
      { ...(decodeHeader(packet) as Header), flags: 0, length: 0, kind: 0 },
    );
    assert.equal(header.kind, KIND.fragment);
  }
});

test("[S21] the fragment header holds message, index and count, little endian", () => {
  const module = frag();
  fragmentsOf(packetOf(3_000), module);
  const second = fragmentsOf(packetOf(2_000), module)[1] as Uint8Array;
  assert.deepEqual([...second.subarray(20, 28)], [1, 0, 0, 0, 1, 0, 2, 0]);
});

test("[S21] slices are equal but for the last, and there are as few as mtu allows", () => {
  fc.assert(
    fc.property(
      packetArbitrary(LIMITS.packetBytesMax),
      fc.integer({ min: 576, max: 65_507 }),
      (packet, mtu) => {
        const fragments = fragmentsOf(packet, frag(mtu));
        const sizes = fragments.map((each) => each.byteLength);
        const last = sizes.pop() as number;
        assert(sizes.every((size) => size === sizes[0] && size >= last));
        if (fragments[0] !== packet) {
          assert.equal(fragments.length, Math.ceil(packet.byteLength / (mtu - OVERHEAD)));
        }
      },
    ),
  );
});

test("[S22] a packet of kind fragment from above survives two frags on one path", () => {
  const [outer, inner] = [frag(1_472), frag(700)];
  const sent = packetOf(5_000);
  const wire = fragmentsOf(sent, outer).flatMap((each) => fragmentsOf(each, inner));
  assert(wire.every((each) => each.byteLength <= 700));
  inner.take(wire, 0);
  outer.take(inner.upper, 0);
  assert.deepEqual(outer.upper, [sent]);
});

test("[S23] fragments of many packets, shuffled and repeated, give each packet once", () => {
  const scenario = fc
    .array(packetArbitrary(6_000), { minLength: 1, maxLength: 20 })
    .chain((packets) => {
      const sender = frag(576);
      const fragments = packets.flatMap((each) => fragmentsOf(each, sender));
      const order = fc.shuffledSubarray(fragments, { minLength: fragments.length });
      return fc.record({ packets: fc.constant(packets), fragments: order });
    });
  fc.assert(
    fc.property(scenario, ({ packets, fragments }) => {
      const receiver = frag(576);
      const split = fragments.filter((each) => ((each[0] as number) & 15) === KIND.fragment);
      // All of them twice more after everything is whole.
      receiver.take([...fragments, ...split, ...split], 0);
      const sorted = (all: readonly Uint8Array[]): string[] =>
        all.map((each) => Buffer.from(each).toString("hex")).sort();
      assert.deepEqual(sorted(receiver.upper), sorted(packets));
      assert.equal(receiver.module.stats()["duplicate"], split.length * 2);
    }),
  );
});

test("[S23] a lost fragment costs its packet and no other", () => {
  const sender = frag();
  const [lossy, whole] = [packetOf(4_000, { sequence: 1 }), packetOf(4_000, { sequence: 2 })];
  const reassembly = new Reassembly();
  const [, ...rest] = fragmentsOf(lossy, sender);
  assert.deepEqual(pushAll(reassembly, [...rest, ...fragmentsOf(whole, sender)]), [whole]);
  assert.equal(reassembly.count, 1);
});

test("[S24] fragments that no sender makes are counted and hold nothing", () => {
  const reassembly = new Reassembly();
  const hostile = [
    fragmentOf({ message: 1, index: 0, count: 0 }),
    fragmentOf({ message: 1, index: 2, count: 2 }),
    fragmentOf({ message: 1, index: 0, count: LIMITS.fragmentsMax + 1 }),
    fragmentOf({ message: 1, index: 0, count: 2 }, new Uint8Array(0)),
    encodePacket(
      {
        kind: KIND.fragment,
        flags: 0,
        channel: 0,
        source: 0,
        medium: 0,
        sourceGeneration: 0,
        sequence: 0,
      },
      Uint8Array.of(1, 2, 3),
    ),
  ];
  assert.deepEqual(pushAll(reassembly, hostile), []);
  assert.equal(reassembly.stats["malformed"], hostile.length);
  assert.equal(reassembly.bytes, 0);
});

test("[S24] fragments that together are not a packet, or another one, are counted", () => {
  const reassembly = new Reassembly();
  assert.equal(reassembly.push(fragmentOf({ message: 1, index: 0, count: 1 }), 0), undefined);
  const other = packetOf(10, { sequence: 1_001 });
  assert.equal(
    reassembly.push(fragmentOf({ message: 2, index: 0, count: 1 }, other), 0),
    undefined,
  );
  assert.equal(reassembly.stats["malformed"], 2);
  const same = packetOf(10);
  assert.deepEqual(reassembly.push(fragmentOf({ message: 3, index: 0, count: 1 }, same), 0), same);
});

test("[S24] a message that grows beyond the largest packet is dropped whole", () => {
  const reassembly = new Reassembly();
  const slice = new Uint8Array(40_000);
  reassembly.push(fragmentOf({ message: 1, index: 0, count: 3 }, slice), 0);
  assert.equal(reassembly.bytes, 40_000);
  reassembly.push(fragmentOf({ message: 1, index: 1, count: 3 }, slice), 0);
  assert.equal(reassembly.bytes, 0);
  assert.equal(reassembly.stats["malformed"], 1);
});

test("[S25] one unfinished message too many puts out the oldest", () => {
  const reassembly = new Reassembly();
  for (let message = 0; message <= LIMITS.reassembliesMax; message++) {
    reassembly.push(fragmentOf({ message, index: 0, count: 2 }), 0);
  }
  assert.equal(reassembly.count, LIMITS.reassembliesMax);
  assert.equal(reassembly.stats["evicted"], 1);
});

test("[S25] hostile fragments never make it hold more than its bounds", () => {
  const fragment = fc.record({
    message: fc.nat({ max: 200 }),
    index: fc.nat({ max: 130 }),
    count: fc.integer({ min: 0, max: 130 }),
    size: fc.integer({ min: 0, max: 60_000 }),
  });
  fc.assert(
    fc.property(fc.array(fragment, { minLength: 100, maxLength: 300 }), (fragments) => {
      const reassembly = new Reassembly();
      for (const { size, ...fields } of fragments) {
        reassembly.push(fragmentOf(fields, new Uint8Array(size)), 0);
        assert(reassembly.count <= LIMITS.reassembliesMax);
        assert(reassembly.bytes <= LIMITS.reassembliesMax * LIMITS.packetBytesMax);
      }
    }),
    { numRuns: 20 },
  );
});

test("[S25] a sender that starts again with the same numbers is understood at once", () => {
  const reassembly = new Reassembly();
  const before = packetOf(4_000, { sequence: 1 });
  const [first] = fragmentsOf(before);
  reassembly.push(first as Uint8Array, 0);
  const after = packetOf(4_000, { sequence: 2 });
  assert.deepEqual(pushAll(reassembly, fragmentsOf(after)), [after]);
  assert.equal(reassembly.stats["replaced"], 1);
  const third = packetOf(4_000, { sequence: 3 });
  assert.deepEqual(pushAll(reassembly, fragmentsOf(third)), [third]);
});

test("[S26] an unfinished message is given up after its time, one in time is not", () => {
  const sender = frag();
  const [lost, late] = [packetOf(2_000, { sequence: 1 }), packetOf(2_000, { sequence: 2 })];
  const reassembly = new Reassembly();
  const [lostFirst, lostSecond] = fragmentsOf(lost, sender) as [Uint8Array, Uint8Array];
  const [lateFirst, lateSecond] = fragmentsOf(late, sender) as [Uint8Array, Uint8Array];
  reassembly.push(lostFirst, 0);
  reassembly.push(lateFirst, 1);
  assert.deepEqual(reassembly.push(lateSecond, LIMITS.reassemblyMsMax), late);
  assert.equal(reassembly.stats["expired"], 1);
  assert.equal(reassembly.push(lostSecond, LIMITS.reassemblyMsMax), undefined);
});

test("a fragment that is kept does not keep the datagram it came in", () => {
  const datagram = new Uint8Array(60_000);
  const [first, second] = fragmentsOf(packetOf(2_000)) as [Uint8Array, Uint8Array];
  datagram.set(first, 100);
  const reassembly = new Reassembly();
  reassembly.push(datagram.subarray(100, 100 + first.byteLength), 0);
  datagram.fill(0);
  assert.deepEqual(reassembly.push(second, 0), packetOf(2_000));
});
