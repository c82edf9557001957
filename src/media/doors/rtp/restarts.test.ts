import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SeededRandom, VirtualClock } from "../../../base/index.ts";
import { encodeRtcp, encodeRtp, payloadOf } from "../../../wire/index.ts";
import { SourceGenerations } from "../../inputs/source-generations.ts";
import { inputOptions, RecordingPublisher, SENDER, VIDEO } from "../../media.test.support.ts";
import { RtpIngest } from "./rtp-ingest.ts";

const FRAME_MS = 40;
const TICKS = 3_600;

/** One run of a camera: frames of several packets, whose bytes no other run has. */
class Camera {
  readonly ssrc: number;
  sequence: number;
  timestamp: number;
  readonly sent: Uint8Array[] = [];
  readonly #mark: number;

  constructor(ssrc: number, sequence: number, timestamp: number, mark: number) {
    Object.assign(this, { ssrc, sequence, timestamp });
    [this.ssrc, this.sequence, this.timestamp, this.#mark] = [ssrc, sequence, timestamp, mark];
  }

  frame(packets: number): Uint8Array[] {
    const made: Uint8Array[] = [];
    for (let index = 0; index < packets; index++) {
      const payload = Uint8Array.of(
        0x41,
        this.#mark,
        this.sent.length >> 8,
        this.sent.length & 255,
      );
      const packet = encodeRtp({
        marker: index === packets - 1,
        payloadType: 96,
        sequence: this.sequence,
        timestamp: this.timestamp,
        ssrc: this.ssrc,
        csrcs: [],
        extensions: [],
        payload,
      });
      this.sequence = (this.sequence + 1) & 0xffff;
      this.sent.push(packet);
      made.push(packet);
    }
    this.timestamp = (this.timestamp + TICKS) >>> 0;
    return made;
  }

  bye(): Uint8Array {
    return encodeRtcp([{ type: "bye", ssrcs: [this.ssrc], reason: "" }]);
  }
}

/** An input on a virtual clock that can be opened again, as `publish` does. */
function world() {
  const clock = new VirtualClock(10_000);
  const publisher = new RecordingPublisher();
  const generations = new SourceGenerations();
  const random = new SeededRandom(3);
  const open = (): RtpIngest =>
    new RtpIngest({
      input: inputOptions({ tracks: [VIDEO] }),
      sink: publisher,
      clock,
      random,
      generations,
    });
  let ingest = open();
  return {
    clock,
    publisher,
    get ingest() {
      return ingest;
    },
    reopen() {
      ingest.close();
      ingest = open();
    },
    push: (bytes: Uint8Array): void => void ingest.datagram(0, bytes, SENDER),
    /** Sends frames in real time. */
    play(camera: Camera, frames: number, packets: number): void {
      for (let frame = 0; frame < frames; frame++) {
        for (const packet of camera.frame(packets)) ingest.datagram(0, packet, SENDER);
        clock.advance(FRAME_MS);
      }
    },
    /** The datagrams that were published under each identity but one. */
    runs(): Map<string, Uint8Array[]> {
      const runs = new Map<string, Uint8Array[]>();
      for (const [index, { source, sourceGeneration }] of publisher.headers.entries()) {
        const key = `${source}/${sourceGeneration}`;
        const run = runs.get(key) ?? [];
        run.push(payloadOf(publisher.published[index] as Uint8Array));
        runs.set(key, run);
      }
      return runs;
    },
    identities(): string[] {
      return publisher.headers.map(({ source, sourceGeneration, sequence }) => {
        return `${source}/${sourceGeneration}/${sequence}`;
      });
    },
  };
}

const restarts = fc.record({
  frames: fc.integer({ min: 1, max: 90 }),
  packets: fc.integer({ min: 1, max: 6 }),
  gapMs: fc.oneof(fc.nat(700), fc.constantFrom(0, 40, 199, 200, 499, 500, 1_000, 30_000, 200_000)),
  hasBye: fc.boolean(),
  isReopened: fc.boolean(),
  isSameSsrc: fc.boolean(),
  sequence: fc.oneof(fc.constantFrom(0, 1, 100, 65_500), fc.nat(0xffff)),
  again: fc.oneof(fc.constant(undefined), fc.nat(0xffff)),
  timestamp: fc.nat(0xffff_ffff),
  isSameTime: fc.boolean(),
});

test("a sender that starts again, however and whenever, is a new run of which no packet is missing", () => {
  fc.assert(
    fc.property(restarts, (how) => {
      const site = world();
      const first = new Camera(7, how.sequence, 90_000, 1);
      site.play(first, how.frames, how.packets);
      if (how.hasBye) site.push(first.bye());
      if (how.isReopened) site.reopen();
      site.clock.advance(how.gapMs);
      const second = new Camera(
        how.isSameSsrc ? 7 : 8,
        how.again ?? how.sequence,
        how.isSameTime ? 90_000 : how.timestamp,
        2,
      );
      site.play(second, 200, how.packets);
      const published = site.publisher.published.map(payloadOf);
      assert.deepEqual(published, [...first.sent, ...second.sent]);
      const identities = site.identities();
      assert.equal(new Set(identities).size, identities.length, "an identity came twice");
      const isMixed = [...site.runs().values()].some((run) => {
        return run.some((each) => each[13] === 1) && run.some((each) => each[13] === 2);
      });
      const goesOn = Math.abs((((how.again ?? 0) - first.sequence) << 16) >> 16) <= 3_000;
      assert.ok(!isMixed || goesOn, "two runs have one identity");
      assert.deepEqual(site.ingest.drops.toJSON(), {});
      site.ingest.close();
      assert.deepEqual(site.clock.pending, []);
    }),
    { seed: 11, numRuns: 120 },
  );
});

test("the same bytes under a known number are a duplicate, other bytes a new run", () => {
  const site = world();
  const first = new Camera(7, 100, 0, 1);
  site.play(first, 20, 2);
  for (const packet of first.sent.slice(-6)) site.push(packet);
  assert.equal(site.ingest.drops.get("duplicate"), 6);
  const second = new Camera(7, 100, 0, 2);
  site.play(second, 20, 2);
  assert.deepEqual(site.publisher.published.map(payloadOf).slice(-40), second.sent);
  assert.equal(site.publisher.headers.at(-1)?.sourceGeneration, 1);
  assert.equal(site.publisher.byes.length, 1);
});

test("the first packets of a run may come in any order, and some may be lost", () => {
  for (const order of [
    [1, 0, 2, 3],
    [0, 2, 3, 4],
    [2, 0, 3, 1],
    [3, 2, 1, 0],
  ]) {
    const site = world();
    site.play(new Camera(7, 40_000, 0, 1), 20, 2);
    const second = new Camera(7, 10, 5_000_000, 2);
    const packets = second.frame(6);
    for (const index of order) site.push(packets[index] as Uint8Array);
    const published = site.publisher.published.map(payloadOf).slice(40);
    assert.deepEqual(
      published,
      order.map((index) => packets[index]),
    );
  }
});

test("a late packet and a lost one do not make a run", () => {
  const site = world();
  const camera = new Camera(7, 65_530, 0, 1);
  const packets = Array.from({ length: 40 }, () => camera.frame(1)[0] as Uint8Array);
  const order = packets.map((_, index) => index).filter((index) => index !== 9);
  order.splice(30, 0, ...order.splice(20, 3));
  for (const index of order) {
    site.push(packets[index] as Uint8Array);
    site.clock.advance(FRAME_MS);
  }
  assert.equal(site.publisher.published.length, 39);
  assert.equal(site.runs().size, 1);
});

test("two senders that alternate for ever settle on one, and the other is counted", () => {
  const patterns = fc.record({
    block: fc.integer({ min: 1, max: 40 }),
    packets: fc.integer({ min: 1, max: 8 }),
  });
  fc.assert(
    fc.property(patterns, ({ block, packets }) => {
      const site = world();
      const cameras = [new Camera(1, 0, 0, 1), new Camera(2, 500, 77, 2)] as const;
      let sent = 0;
      for (let turn = 0; sent < 6_000; turn++) {
        site.play(cameras[turn % 2] as Camera, block, packets);
        sent += block * packets;
      }
      const late = site.publisher.headers.slice(-200).map(({ source }) => source);
      assert.equal(new Set(late).size, 1, "it is not settled");
      assert.ok(site.publisher.byes.length <= 4, `${site.publisher.byes.length} changes`);
      assert.ok(site.ingest.drops.get("second-source") > 1_000);
      site.ingest.close();
      const drops = Object.values(site.ingest.drops.toJSON()).reduce((sum, each) => sum + each, 0);
      assert.equal(site.publisher.published.length + drops, sent, "a packet is not accounted for");
    }),
    { seed: 12, numRuns: 20 },
  );
});

test("a thousand SSRCs between the packets of a source do not end it", () => {
  const site = world();
  const camera = new Camera(1, 0, 0, 1);
  for (let other = 0; other < 1_000; other++) {
    site.play(camera, 1, 2);
    const stranger = new Camera(1_000 + other, other, 0, 2);
    for (const packet of stranger.frame(1 + (other % 5))) site.push(packet);
  }
  site.play(camera, 5, 2);
  assert.equal(site.publisher.sources.length, 1);
  assert.equal(site.publisher.published.length, 2_010);
  assert.equal(site.ingest.drops.get("second-source"), 3_000);
});

test("packets of the old source that come after the first of its successor do not delay it", () => {
  const site = world();
  const first = new Camera(1, 0, 0, 1);
  const second = new Camera(2, 0, 0, 2);
  site.play(first, 20, 2);
  const [a, b] = first.frame(2);
  site.push(a as Uint8Array);
  const [c, d] = second.frame(2);
  for (const packet of [c, b, d]) site.push(packet as Uint8Array);
  site.clock.advance(FRAME_MS);
  site.play(second, 10, 2);
  const published = site.publisher.published.map(payloadOf);
  assert.deepEqual(published, [...first.sent, ...second.sent]);
});

test("a goodbye that comes after the new run has begun is that of the old one", () => {
  const site = world();
  const first = new Camera(7, 0, 0, 1);
  site.play(first, 50, 2);
  const second = new Camera(7, 0, 900_000, 2);
  for (const packet of second.frame(3)) site.push(packet);
  site.push(first.bye());
  site.play(second, 50, 3);
  assert.deepEqual(site.publisher.generations.slice(-153), new Array(153).fill(1));
  site.push(second.bye());
  assert.equal(site.publisher.byes.length, 2);
});

test("what follows a goodbye with numbers that go on is a new run if its time does not", () => {
  for (const timestamp of [5_000_000, 0x9000_0000, 90_000]) {
    const site = world();
    const first = new Camera(7, 100, 1_000_000, 1);
    site.play(first, 20, 2);
    site.push(first.bye());
    const second = new Camera(7, first.sequence, timestamp, 2);
    site.play(second, 20, 2);
    const generations = site.publisher.headers.map(({ sourceGeneration }) => sourceGeneration);
    assert.deepEqual(
      generations,
      [...new Array(40).fill(0), ...new Array(40).fill(1)],
      `${timestamp}`,
    );
  }
});

test("a jump of timestamps among packets that are reordered or lost is no restart, and costs nothing", () => {
  const orders = fc.record({
    jump: fc.constantFrom(-3_000, -600_000, 5_000, 7_200_000),
    late: fc.array(fc.nat(5), { minLength: 12, maxLength: 12 }),
    lost: fc.subarray([9, 10, 11, 14]),
  });
  fc.assert(
    fc.property(orders, ({ jump, late, lost }) => {
      const site = world();
      const camera = new Camera(7, 65_520, 600_000_000, 1);
      site.play(camera, 20, 2);
      const frames = Array.from({ length: 6 }, (_, index) => {
        if (index === 3) camera.timestamp = (camera.timestamp + jump * 90) >>> 0;
        return camera.frame(4);
      });
      const packets = frames.flat().map((packet, index) => ({
        ...{ packet, index },
        at: index + (index >= 6 && index < 18 ? (late[index - 6] as number) : 0),
      }));
      const arriving = packets.filter(({ index }) => !lost.includes(index));
      arriving.sort((one, other) => one.at - other.at);
      for (const { packet } of arriving) {
        site.push(packet);
        site.clock.advance(5);
      }
      site.play(camera, 20, 2);
      assert.deepEqual(site.ingest.drops.toJSON(), {});
      assert.equal(site.runs().size, 1);
      assert.equal(site.publisher.published.length, camera.sent.length - lost.length);
      site.ingest.close();
    }),
    { seed: 13, numRuns: 200 },
  );
});
