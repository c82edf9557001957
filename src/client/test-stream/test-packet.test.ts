import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { VirtualClock } from "../../base/index.ts";
import { decodeRtp, parseSdp } from "../../wire/index.ts";
import { FineWall } from "./fine-wall.ts";
import {
  decodeTestPacket,
  encodeTestPacket,
  TEST_PACKET_BYTES_MIN,
  testSdp,
} from "./test-packet.ts";

test("a test packet is RTP of the size asked for, and says its number and time", () => {
  for (const number of [0, 65_537, 2 ** 40]) {
    for (const byteLength of [TEST_PACKET_BYTES_MIN, 225, 5_000]) {
      const mark = { run: 0xfedc_ba98, number, sentWallMs: 1_700_000_000_000.125 };
      const packet = encodeTestPacket(mark, byteLength, 1_000);
      assert.equal(packet.byteLength, byteLength);
      assert.deepEqual(decodeTestPacket(packet), mark);
      const rtp = decodeRtp(packet);
      assert.ok(typeof rtp !== "string");
      assert.deepEqual(
        [rtp.sequence, rtp.timestamp, rtp.ssrc, rtp.marker],
        [number % 65_536, 90_000, mark.run, true],
      );
      const [track] = parseSdp(testSdp("a test"), { portsRequired: false }).tracks;
      assert.equal(track?.payloadType, rtp.payloadType);
    }
  }
});

test("what is no test packet is none, whatever its bytes", () => {
  const packet = encodeTestPacket({ run: 1, number: 2, sentWallMs: 3 }, 100, 0);
  fc.assert(
    fc.property(
      fc.nat({ max: 100 }),
      fc.nat({ max: 99 }),
      fc.nat({ max: 255 }),
      (end, at, byte) => {
        const bytes = packet.slice(0, end);
        bytes[at] = byte;
        const mark = decodeTestPacket(bytes);
        assert.ok(mark === undefined || Number.isSafeInteger(mark.number));
      },
    ),
    { seed: 5 },
  );
  assert.equal(decodeTestPacket(new Uint8Array(100)), undefined);
  assert.equal(decodeTestPacket(packet.subarray(0, 35)), undefined);
});

test("a wall clock of whole milliseconds is read with their fractions, and followed when it is set", () => {
  const clock = new VirtualClock(0, 1_000_000.4);
  let stepMs = 0;
  const wall = new FineWall({
    now: () => clock.now(),
    wall: () => Math.floor(clock.wall()) + stepMs,
    after: (name, delayMs, task) => clock.after(name, delayMs, task),
  });
  const read = (times: number): number => {
    for (let index = 0; index < times; index++) {
      clock.advance(0.977);
      wall.read();
    }
    return wall.read() - clock.wall() - stepMs;
  };
  assert.ok(Math.abs(read(100)) < 0.05);
  stepMs = -500;
  assert.ok(Math.abs(read(12_000)) < 0.05);
});
