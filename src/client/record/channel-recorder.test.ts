import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/index.ts";
import { MemoryFile } from "../../media/record/record.test.support.ts";
import { encodePacket, encodeRtp, KIND, type Track } from "../../wire/index.ts";
import type { RecordEvent, RecordStatus } from "../contract/recording.ts";
import type { WatchEvents } from "../watch/index.ts";
import { ChannelRecorder } from "./channel-recorder.ts";

const VIDEO: Track = {
  ...{ medium: 1, kind: "video", source: 7, generation: 0 },
  ...{ codec: "vp8", payloadType: 96, clockRate: 90_000 },
};
const FRAME_MS = 40;

/** A picture in a packet without marker. VP8 (RFC 6386 §9.1): a key frame's start code follows its first three bytes. */
function picture(index: number): Uint8Array {
  const head = index === 0 ? [0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xb4, 0] : [0x11, 2, 0];
  const rtp = encodeRtp({
    ...{ marker: false, payloadType: 96, sequence: index, timestamp: index * FRAME_MS * 90 },
    ...{ ssrc: 1, csrcs: [], extensions: [] },
    payload: Uint8Array.of(0x10, ...head, ...new Array<number>(20).fill(1)),
  });
  const { generation, medium, source } = VIDEO;
  return encodePacket(
    {
      ...{ kind: KIND.rtp, flags: 0, channel: 1, source, medium },
      ...{ sourceGeneration: generation, sequence: index },
    },
    rtp,
  );
}

/** A recorder that has begun, what it is told, and what it tells. */
async function recording() {
  const clock = new VirtualClock(1_000);
  const told: RecordEvent[] = [];
  let events: WatchEvents | undefined;
  const recorder = new ChannelRecorder(
    {
      ...{ channel: "test", to: "test.mkv", unattended: false, untilEnd: false, onError: "stop" },
      ...{ segmentSeconds: undefined, durationSeconds: undefined },
      ...{ keepSegments: undefined, maxBytes: undefined },
    },
    {
      ...{ clock, openFile: () => new MemoryFile(), onEvent: (event) => told.push(event) },
      watch: (given) => {
        events = given;
        return Promise.resolve({ close() {} });
      },
    },
  );
  await recorder.start();
  assert.ok(events !== undefined);
  return { clock, events: events as WatchEvents, recorder, told };
}

/** Records `count` pictures, and what `end` does then. */
async function recorded(
  count: number,
  end: (events: WatchEvents, clock: VirtualClock) => void,
): Promise<RecordStatus> {
  const { clock, events, recorder } = await recording();
  events.onDescription?.({ revision: 1, ingest: "test", tracks: [VIDEO] });
  const rtcp = new Uint8Array();
  events.onReport?.({ ...VIDEO, ingestMs: 1_000, rtpTimestamp: 0, rtcp });
  for (let index = 0; index < count; index++) {
    events.onPacket?.(picture(index));
    clock.advance(FRAME_MS);
  }
  end(events, clock);
  await recorder.finish();
  return recorder.status;
}

test("the last picture of a source without markers is recorded, whether it says goodbye or the recording ends", async () => {
  const ends = {
    goodbye: (events: WatchEvents, clock: VirtualClock) => {
      events.onBye?.(VIDEO);
      clock.advance(2_000);
    },
    "the end": () => {},
  };
  for (const [name, end] of Object.entries(ends)) {
    const { drops, frames } = await recorded(30, end);
    assert.equal(frames, 30, name);
    assert.deepEqual(drops, {}, name);
  }
});

test("[W48] a recorder says why nothing arrives, also while its file is open, until it does", async () => {
  const { clock, events, recorder, told } = await recording();
  const stall = { type: "stalled", site: "edge", forMs: 20, reason: "origin is down" } as const;
  events.onState?.({ ...stall, trying: ["origin", "north"] });
  const reason = "the channel does not arrive at edge: origin is down; it tries origin, north";
  assert.deepEqual([recorder.status.state, recorder.status.reason], ["waiting", reason]);
  assert.deepEqual(told, [{ type: "waiting", reason }]);
  events.onState?.({ type: "live", site: "edge" });
  assert.equal(
    recorder.status.reason,
    "waiting for the channel: it has no publisher now, or no way to this site",
  );

  events.onDescription?.({ revision: 1, ingest: "test", tracks: [VIDEO] });
  const rtcp = new Uint8Array();
  events.onReport?.({ ...VIDEO, ingestMs: 1_000, rtpTimestamp: 0, rtcp });
  for (let index = 0; index < 200; index++) {
    events.onPacket?.(picture(index));
    clock.advance(FRAME_MS);
  }
  assert.deepEqual([recorder.status.state, recorder.status.reason], ["recording", null]);
  events.onState?.({ ...stall, trying: [] });
  const { state, reason: why } = recorder.status;
  assert.deepEqual(
    [state, why],
    ["recording", "the channel does not arrive at edge: origin is down"],
  );
  events.onState?.({ type: "live", site: "edge" });
  assert.equal(recorder.status.reason, null);
  await recorder.finish();
});

test("a recorder says that the channel has no publisher, from the start and once each time that it has lost it", async () => {
  const { clock, events, recorder, told } = await recording();
  const reason = "the channel has no publisher now";
  const none = { revision: 1, ingest: "test", tracks: [] };
  events.onDescription?.(none);
  events.onDescription?.({ ...none, revision: 2 });
  assert.deepEqual(told, [{ type: "waiting", reason }]);
  assert.equal(recorder.status.reason, reason);
  events.onDescription?.({ revision: 3, ingest: "test", tracks: [VIDEO] });
  const rtcp = new Uint8Array();
  events.onReport?.({ ...VIDEO, ingestMs: 1_000, rtpTimestamp: 0, rtcp });
  for (let index = 0; index < 60; index++) {
    events.onPacket?.(picture(index));
    clock.advance(FRAME_MS);
  }
  events.onBye?.(VIDEO);
  clock.advance(2_000);
  events.onDescription?.({ ...none, revision: 4 });
  assert.deepEqual(
    told.filter(({ type }) => type === "waiting"),
    [
      { type: "waiting", reason },
      { type: "waiting", reason },
    ],
  );
  await recorder.finish();
});
