import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, VirtualClock } from "../../base/index.ts";
import { encodePacket, FLAG, KIND } from "../../wire/index.ts";
import { ModuleEnd, moduleConformance } from "../module.conformance.ts";
import { traceModule } from "./trace.ts";
import { TraceRegistry } from "./trace-registry.ts";

moduleConformance(traceModule, { belowBytesMax: LIMITS.datagramBytesMax });
moduleConformance(traceModule, { belowBytesMax: LIMITS.batchBytesMax, reliable: true });

function packetOf(sequence: number): Uint8Array {
  const ids = { channel: 7, source: 0xffff_fff9, medium: 2, sourceGeneration: 4, sequence };
  return encodePacket({ kind: KIND.rtp, flags: FLAG.begin, ...ids }, new Uint8Array(80));
}

function open(keep: number): { readonly end: ModuleEnd; readonly registry: TraceRegistry } {
  const registry = new TraceRegistry();
  const below = { maxBytes: 1_000_000, reliable: true, coalesces: true, overheadBytes: 0 };
  const ports = { clock: new VirtualClock(), traces: registry };
  return { end: new ModuleEnd(traceModule, { keep }, below, ports), registry };
}

test("[S50] what passed either way is remembered with its time and the fields of its header", () => {
  const { end, registry } = open(16);
  end.module.down(Buffer.concat([packetOf(1), packetOf(2)]), 10.5);
  end.module.up(packetOf(3), 11);
  const [record] = registry.read(100);
  assert.equal(record?.stack, "trace");
  assert.equal(record?.count, 3);
  const header = { kind: 5, flags: 1, channel: 7, source: 0xffff_fff9, medium: 2, length: 100 };
  assert.deepEqual(record?.events, [
    { at: 10.5, direction: "sent", ...header, sequence: 1 },
    { at: 10.5, direction: "sent", ...header, sequence: 2 },
    { at: 11, direction: "received", ...header, sequence: 3 },
  ]);
});

test("[S50] only as many as asked for are kept, the newest, and refused packets are not recorded", () => {
  const { end, registry } = open(16);
  for (let at = 0; at < 40; at++) end.module.down(packetOf(at), at);
  end.isOpen = false;
  end.module.down(packetOf(99), 50);
  const [record] = registry.read(1_000);
  assert.equal(record?.count, 40);
  assert.deepEqual(
    record?.events.map(({ sequence }) => sequence),
    Array.from({ length: 16 }, (_, at) => 24 + at),
  );
  assert.deepEqual(
    registry.read(2)[0]?.events.map(({ sequence }) => sequence),
    [38, 39],
  );
});

test("[S50] a connection that has ended is forgotten", () => {
  const { end, registry } = open(16);
  end.module.ended?.();
  assert.deepEqual(registry.read(10), []);
});
