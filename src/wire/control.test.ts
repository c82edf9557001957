import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../base/index.ts";
import { type ControlMessage, decodeControl, encodeControl } from "./control.ts";

const u8 = fc.integer({ min: 0, max: 0xff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const name = fc.string({ maxLength: 100, unit: "binary" });
const periodMs = fc.integer({ min: 10, max: 60_000 });
const time = fc.double({ noDefaultInfinity: true });
const point = record({ source: u32, generation: u8, medium: u8, sequence: u32 });
const track = record({
  medium: u8,
  kind: fc.constantFrom("audio", "video", "text", "application"),
  source: u32,
  generation: u8,
  codec: fc.string({ maxLength: 64 }),
  payloadType: fc.integer({ min: -1, max: 127 }),
  clockRate: fc.integer({ min: 1, max: 10_000_000 }),
  channels: fc.integer({ min: 1, max: 64 }),
  fmtp: fc.string({ maxLength: 200 }),
  parameterSets: fc.array(fc.base64String({ maxLength: 100 }), { maxLength: 4 }),
});

const host = fc.string({ maxLength: 100 });
const port = fc.integer({ min: 1, max: 65_535 });

const siteNames = fc.array(host, { maxLength: 4 });
const relations = fc.array(record({ channel: host, sources: siteNames, clients: siteNames }), {
  maxLength: 4,
});

const room = record({
  subscribers: fc.nat(1e9),
  bitsPerSecond: fc.double({ min: 0, max: 1e15, noNaN: true }).map((each) => each + 0),
});

const message = fc.oneof(
  record({
    type: fc.constant("hello"),
    role: fc.constantFrom("site", "viewer"),
    name,
    instance: u32,
    token: name,
    heartbeatMs: periodMs,
  }),
  record({ type: fc.constant("welcome"), name, instance: u32, heartbeatMs: periodMs }),
  record({ type: fc.constant("refused"), request: u32, code: name, message: name }),
  record({
    type: fc.constant("subscribe"),
    request: u32,
    channel: name,
    forward: fc.boolean(),
    resume: fc.array(point, { maxLength: LIMITS.sourcesMax }),
  }),
  record({
    type: fc.constant("subscribed"),
    request: u32,
    channel: name,
    id: u32,
    forward: fc.boolean(),
  }),
  record({ type: fc.constantFrom("unsubscribe", "unsubscribed"), request: u32, id: u32 }),
  record({
    type: fc.constant("sites"),
    sites: fc.array(record({ name, url: name }), { maxLength: 8 }),
  }),
  record({ type: fc.constant("close"), code: name, message: name }),
  record({ type: fc.constant("leaving"), message: name }),
  record({ type: fc.constant("leaving"), message: name, channels: relations }),
  record({ type: fc.constant("started"), channels: relations }),
  record({ type: fc.constant("started"), channels: relations, room }),
  record({
    type: fc.constant("group-wanted"),
    group: host,
    port,
    ttl: fc.integer({ min: 1, max: 255 }),
  }),
  record({
    type: fc.constant("group"),
    group: host,
    port,
    from: record({ host, port }),
    salt: fc.oneof(fc.constant(""), fc.constant("0123456789abcdef".repeat(2))),
  }),
  record({ type: fc.constant("group-refused"), group: host, message: name }),
  record({ type: fc.constantFrom("group-probe", "group-heard"), number: u32 }),
  record({ type: fc.constant("heartbeat"), sentAt: time, echo: time, heldMs: time }),
  record({ type: fc.constant("ack"), points: fc.array(point, { maxLength: LIMITS.sourcesMax }) }),
  record({ type: fc.constant("repair"), point, bitmap: u32 }),
  record({
    type: fc.constant("description"),
    description: record({
      revision: u32,
      ingest: name,
      tracks: fc.array(track, { maxLength: 4 }),
    }),
  }),
  record({
    type: fc.constant("report"),
    ingestMs: time,
    rtpTimestamp: u32,
    rtcp: fc.uint8Array({ maxLength: 100 }),
  }),
  record({ type: fc.constant("gap"), sequence: u32, count: u32 }),
  record({ type: fc.constant("bye") }),
  record({
    type: fc.constant("path"),
    sites: fc.array(name, { maxLength: 8 }),
    originOffsetMs: fc.integer(),
  }),
  record({
    type: fc.constant("path"),
    sites: fc.constant([]),
    originOffsetMs: fc.integer(),
    quietMs: fc.nat(),
    idle: fc.boolean(),
    stalled: record({ forMs: fc.nat(), reason: host, trying: siteNames }),
  }),
) as fc.Arbitrary<ControlMessage>;

test("decoding gives what was encoded, for every message", () => {
  fc.assert(
    fc.property(message, (sent) => {
      assert.deepEqual(decodeControl(encodeControl(sent)), sent);
    }),
    { numRuns: 1000 },
  );
});

test("any bytes are a message or a fault, and never an exception", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const decoded = decodeControl(bytes);
      assert(typeof decoded === "string" || typeof decoded.type === "string");
    }),
    { numRuns: 1000 },
  );
});

test("any JSON behind any type is a message of that type or a fault", () => {
  fc.assert(
    fc.property(u8, fc.json(), (type, json) => {
      const decoded = decodeControl(Uint8Array.of(type, ...new TextEncoder().encode(json)));
      if (typeof decoded === "string") return;
      assert.equal(encodeControl(decoded)[0], type);
    }),
    { numRuns: 1000 },
  );
});

test("a message cut off anywhere is never taken for the whole", () => {
  fc.assert(
    fc.property(message, fc.double({ min: 0, max: 1, maxExcluded: true }), (sent, share) => {
      const bytes = encodeControl(sent);
      const decoded = decodeControl(bytes.subarray(0, Math.floor(bytes.length * share)));
      assert.notDeepEqual(decoded, sent);
    }),
  );
});

test("a type in the text does not change the type of the message", () => {
  const json = new TextEncoder().encode('{"type":"bye","request":1,"id":2}');
  assert.deepEqual(decodeControl(Uint8Array.of(6, ...json)), {
    type: "unsubscribe",
    request: 1,
    id: 2,
  });
});

test("text beyond the limit is not read", () => {
  const json = `{"request":1,"id":2,"x":"${"x".repeat(LIMITS.controlBytesMax)}"}`;
  assert.equal(decodeControl(Uint8Array.of(6, ...new TextEncoder().encode(json))), "shape");
});

test("more points than there are sources are not read", () => {
  assert.equal(decodeControl(Uint8Array.of(17, ...new Uint8Array(10 * 65))), "shape");
});

test("a decoded report does not change with the bytes it came from", () => {
  const sent = { type: "report", ingestMs: 1, rtpTimestamp: 2, rtcp: Uint8Array.of(1, 2) } as const;
  const bytes = encodeControl(sent);
  const decoded = decodeControl(bytes);
  bytes.fill(0);
  assert.deepEqual(decoded, sent);
});

function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}
