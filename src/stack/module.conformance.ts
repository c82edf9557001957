import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodePacket, faultOf, HEADER_BYTES, lengthOf } from "../wire/index.ts";
import { parametersWithDefaults } from "./compose.ts";
import type { Module, ModuleSpec, ParameterValue } from "./module.ts";

/** Packets of every kind, of up to `bytesMax` bytes. */
export function packetArbitrary(bytesMax: number): fc.Arbitrary<Uint8Array> {
  const byte = fc.integer({ min: 0, max: 255 });
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
  const header = fc.record({
    kind: fc.integer({ min: 0, max: 15 }),
    flags: byte,
    channel: u32,
    source: u32,
    medium: byte,
    sourceGeneration: byte,
    sequence: u32,
  });
  const length = fc.oneof(
    fc.integer({ min: 0, max: 64 }),
    fc.integer({ min: 0, max: bytesMax - HEADER_BYTES }),
  );
  return fc.tuple(header, length, byte).map(([fields, payloadBytes, seed]) => {
    const payload = new Uint8Array(payloadBytes);
    for (let at = 0; at < payloadBytes; at++) payload[at] = seed + at * 7 + (at >> 8);
    return encodePacket(fields, payload);
  });
}

/** What every module must do, whatever it is for. docs/spec/stack.md [M1]-[M6]. */
export function moduleConformance(
  spec: ModuleSpec,
  options: {
    readonly parameters?: Readonly<Record<string, ParameterValue>>;
    /** What the layer below takes. */
    readonly belowBytesMax: number;
  },
): void {
  const { parameters = {}, belowBytesMax } = options;
  const title = `${spec.name} over ${belowBytesMax} bytes`;
  const make = (): Module & { readonly maxBytes: number } =>
    spec.create(parametersWithDefaults(spec, parameters), { maxBytes: belowBytesMax });
  const packets = fc.array(packetArbitrary(make().maxBytes), { maxLength: 12 });
  const sendAll = (module: Module, sent: readonly Uint8Array[]): Uint8Array[] => {
    const lower: Uint8Array[] = [];
    for (const each of sent) module.down(each, 0, (packet) => void lower.push(packet));
    return lower;
  };
  const receiveAll = (module: Module, lower: readonly Uint8Array[]): Uint8Array[] => {
    const got: Uint8Array[] = [];
    for (const each of lower) module.up(each, 0, (packet) => void got.push(packet));
    return got;
  };

  test(`${title}: [M1] what goes down comes up unchanged and in order`, () => {
    fc.assert(
      fc.property(packets, (sent) => {
        assert.deepEqual(receiveAll(make(), sendAll(make(), sent)), sent);
      }),
    );
  });

  test(`${title}: [M1] the largest packet it takes goes through`, () => {
    const { maxBytes } = make();
    const largest = encodePacket(
      { kind: 5, flags: 0, channel: 1, source: 2, medium: 2, sourceGeneration: 0, sequence: 3 },
      new Uint8Array(maxBytes - HEADER_BYTES).fill(7),
    );
    assert.deepEqual(receiveAll(make(), sendAll(make(), [largest])), [largest]);
  });

  test(`${title}: [M2] what is handed down is a sound packet that the layer below takes`, () => {
    fc.assert(
      fc.property(packets, (sent) => {
        for (const lower of sendAll(make(), sent)) {
          assert.equal(faultOf(lower), undefined);
          assert.equal(lengthOf(lower), lower.byteLength);
          assert(lower.byteLength <= belowBytesMax);
        }
      }),
    );
  });

  test(`${title}: [M3] packets with any contents from below neither throw nor come up unsound`, () => {
    const hostile = fc.array(packetArbitrary(Math.min(belowBytesMax, 2_000)), { maxLength: 40 });
    fc.assert(
      fc.property(hostile, (lower) => {
        for (const packet of receiveAll(make(), lower)) {
          assert.equal(faultOf(packet), undefined);
          assert.equal(lengthOf(packet), packet.byteLength);
        }
      }),
    );
  });

  test(`${title}: [M4] bytes that were given are not changed`, () => {
    fc.assert(
      fc.property(packets, (sent) => {
        const before = sent.map((each) => new Uint8Array(each));
        const lower = sendAll(make(), sent);
        const lowerBefore = lower.map((each) => new Uint8Array(each));
        receiveAll(make(), lower);
        assert.deepEqual(sent, before);
        assert.deepEqual(lower, lowerBefore);
      }),
    );
  });

  test(`${title}: [M5] loss, repetition and reordering below bring nothing up that was not sent`, () => {
    fc.assert(
      fc.property(packets, fc.infiniteStream(fc.nat()), (sent, chances) => {
        const lower = sendAll(make(), sent);
        const disturbed = lower.flatMap((each) => {
          const copies = (chances.next().value as number) % 3;
          return Array.from({ length: copies }, () => ({
            each,
            key: chances.next().value as number,
          }));
        });
        disturbed.sort((a, b) => a.key - b.key);
        const known = new Set(sent.map((each) => Buffer.from(each).toString("latin1")));
        for (const packet of receiveAll(
          make(),
          disturbed.map(({ each }) => each),
        )) {
          assert(known.has(Buffer.from(packet).toString("latin1")));
        }
      }),
    );
  });

  test(`${title}: [M6] statistics are counts that never shrink`, () => {
    fc.assert(
      fc.property(packets, (sent) => {
        const module = make();
        let before = module.stats();
        for (const each of sent) {
          module.down(each, 0, (packet) => module.up(packet, 0, () => {}));
          const now = { ...module.stats() };
          for (const [name, count] of Object.entries(now)) {
            assert(Number.isSafeInteger(count) && count >= (before[name] ?? 0));
          }
          before = now;
        }
      }),
    );
  });
}
