import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom, SILENT, VirtualClock } from "../../base/index.ts";
import {
  decodeRtcp,
  decodeRtp,
  ntpToMs,
  type RtcpPacket,
  type RtpPacket,
} from "../../wire/index.ts";
import type { ClipFrame, ClipTrack } from "./clip-reader.ts";
import type { Decodable } from "./decode-order.ts";
import { FilePublisher } from "./file-publisher.ts";

const VIDEO: ClipTrack = {
  kind: "video",
  codec: "vp8",
  clockRate: 90_000,
  parameterSets: [],
  firstSeconds: 0,
  endSeconds: 1,
};
const AUDIO: ClipTrack = { ...VIDEO, kind: "audio", codec: "opus", clockRate: 48_000 };

/** One second: 25 frames of video in the order I P B, and 50 of audio. */
function fakeClip() {
  return {
    tracks: [VIDEO, AUDIO],
    async *frames(index: number): AsyncGenerator<Decodable<ClipFrame>, void, void> {
      const count = index === 0 ? 25 : 50;
      for (let at = 0; at < count; at++) {
        const decode = at / count;
        const isSwapped = index === 0 && at > 0;
        const presentation = (isSwapped ? at + (at % 2 === 1 ? 1 : -1) : at) / count;
        const bytes = new Uint8Array(index === 0 ? 3_000 : 100).fill(at);
        yield { bytes, key: at === 0, presentation: Math.max(presentation, 0), decode };
      }
    },
  };
}

interface Sent {
  readonly at: number;
  readonly track: number;
  readonly rtp: RtpPacket | undefined;
  readonly rtcp: readonly RtcpPacket[];
}

function publish({ loop = true, clip = fakeClip() } = {}) {
  const clock = new VirtualClock(1_000);
  const sent: Sent[] = [];
  const publisher = new FilePublisher({
    clip,
    loop,
    clock,
    random: new SeededRandom(3),
    log: SILENT,
    send(track, what, bytes) {
      assert.ok(bytes.byteLength <= 1_200);
      const rtp = what === "rtp" ? decodeRtp(bytes) : undefined;
      const rtcp = what === "rtcp" ? decodeRtcp(bytes) : [];
      assert.ok(typeof rtp !== "string" && typeof rtcp !== "string");
      sent.push({ at: clock.now() - 1_000, track, rtp, rtcp });
    },
  });
  /** Lets reading continue between the steps of the clock. */
  const run = async (ms: number): Promise<void> => {
    for (let step = 0; step < ms; step += 10) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(10);
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, publisher, run, sent };
}

function rtpOf(sent: readonly Sent[], track: number): { at: number; rtp: RtpPacket }[] {
  return sent.flatMap(({ at, rtp, track: own }) => {
    return own === track && rtp !== undefined ? [{ at, rtp }] : [];
  });
}

test("sequence numbers and timestamps continue from round to round", async () => {
  const { publisher, run, sent } = publish();
  await run(3_000);
  publisher.close();
  for (const [track, ticks] of [3_600, 960].entries()) {
    const packets = rtpOf(sent, track).map(({ rtp }) => rtp);
    for (const [index, { sequence }] of packets.entries()) {
      assert.equal(sequence, ((packets[0]?.sequence ?? 0) + index) & 0xffff);
    }
    const times = [...new Set(packets.map(({ timestamp }) => timestamp))];
    const steps = times.map((time) => (time - (times[0] ?? 0)) >> 0).sort((a, b) => a - b);
    assert.ok(steps.length >= 74);
    for (const [index, step] of steps.entries()) {
      if (index < 72) assert.equal(step, index * ticks);
    }
  }
});

test("frames are sent in decode order at their time, with the marker on the last packet of a picture", async () => {
  const { publisher, run, sent } = publish();
  await run(900);
  publisher.close();
  const video = rtpOf(sent, 0);
  const first = video[0]?.rtp.timestamp ?? 0;
  const ends = video.filter(({ rtp }) => rtp.marker);
  assert.deepEqual(
    ends.slice(0, 5).map(({ rtp }) => (rtp.timestamp - first) / 3_600),
    [0, 2, 1, 4, 3],
  );
  for (const [index, { at }] of ends.entries()) assert.ok(Math.abs(at - index * 40) <= 20);
  assert.equal(video.length, ends.length * 3);
  assert.ok(rtpOf(sent, 1).every(({ rtp }) => !rtp.marker));
});

test("each second both tracks report one clock, and at the end they send a goodbye", async () => {
  const { publisher, run, sent } = publish();
  await run(2_500);
  publisher.close();
  publisher.close();
  await publisher.ended;
  const bases = [0, 1].map((track) => {
    const reports = sent.filter((each) => each.track === track && each.rtcp.length > 0);
    assert.ok(reports.length >= 4);
    const last = reports.at(-1)?.rtcp ?? [];
    assert.deepEqual(
      last.map(({ type }) => type),
      ["sender-report", "source-description", "bye"],
    );
    const zero = rtpOf(sent, track)[0]?.rtp.timestamp ?? 0;
    const rate = track === 0 ? 90 : 48;
    return reports.map(({ rtcp }) => {
      const [report] = rtcp;
      assert.ok(report?.type === "sender-report");
      const mediaMs = ((report.rtpTimestamp - zero) | 0) / rate;
      return ntpToMs(report.ntpSeconds, report.ntpFraction) - mediaMs;
    });
  });
  const [reference] = bases.flat();
  for (const base of bases.flat()) assert.ok(Math.abs(base - (reference ?? 0)) < 0.1);
});

test("a clip without a loop ends by itself", async () => {
  const { clock, publisher, run, sent } = publish({ loop: false });
  await run(1_100);
  await publisher.ended;
  assert.equal(publisher.frameCount, 75);
  assert.equal(sent.at(-1)?.rtcp.at(-1)?.type, "bye");
  assert.deepEqual(clock.pending, []);
});

test("after the machine slept, time starts over instead of catching up", async () => {
  const { clock, publisher, run, sent } = publish();
  await run(500);
  const before = rtpOf(sent, 0).length;
  clock.advance(60_000);
  await run(200);
  const since = rtpOf(sent, 0).length - before;
  assert.ok(since > 0 && since <= 7 * 3, `${since} packets`);
  publisher.close();
});

test("a truncated file ends the publication with a goodbye", async () => {
  const whole = fakeClip();
  const clip = {
    tracks: whole.tracks,
    async *frames(index: number): AsyncGenerator<Decodable<ClipFrame>, void, void> {
      for await (const frame of whole.frames(index)) {
        if (frame.decode > 0.5) throw new Error("unreadable");
        yield frame;
      }
    },
  };
  const { publisher, run, sent } = publish({ clip });
  await run(1_000);
  await publisher.ended;
  assert.equal(sent.at(-1)?.rtcp.at(-1)?.type, "bye");
});
