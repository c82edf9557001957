import assert from "node:assert/strict";
import type { Socket } from "node:dgram";
import { after, before, test } from "node:test";
import { decodeRtp, type SdpTrack } from "../src/wire/index.ts";
import { openInput, UNASSIGNED } from "./support/inputs.ts";
import { ffmpeg } from "./support/media-programs.ts";
import { channelAt, Network, type SiteProcess } from "./support/network.ts";
import { endOf, meander, type Running } from "./support/processes.ts";
import { FFMPEG, needs } from "./support/programs.ts";
import { freePortPairs, openUdp } from "./support/udp.ts";
import { until } from "./support/wait.ts";

let network: Network;

before(async () => {
  network = await Network.open("origin", "edge");
});

after(() => network?.[Symbol.asyncDispose]());

const origin = (): SiteProcess => network.site("origin");
const edge = (): SiteProcess => network.site("edge");

test("unknown formats pass through unchanged, to the bit", {
  skip: needs({ ffmpeg: FFMPEG }),
}, async () => {
  const mpeg2: SdpTrack = {
    ...{ kind: "video", codec: "mpv", payloadType: 32, clockRate: 90_000, ...UNASSIGNED },
  };
  const pcm: SdpTrack = {
    ...{ kind: "audio", codec: "l16", payloadType: 98, clockRate: 48_000, channels: 2 },
    ...UNASSIGNED,
  };
  const open = await openInput(origin(), "opaque", [mpeg2, pcm]);
  const ports = open.map(({ port }) => port);
  const [video = 0, audio = 0] = await freePortPairs(2);
  const sinks = await Promise.all([openUdp(video), openUdp(audio)]);
  const cameOut = sinks.map(collect);
  // Between the publisher and the ingest, to know what was sent.
  const taps = await Promise.all([openUdp(), openUdp()]);
  const wentIn = taps.map(collect);
  for (const [index, tap] of taps.entries()) {
    tap.on("message", (bytes) => tap.send(bytes, ports[index] ?? 0, "127.0.0.1"));
  }
  // The receiver exists before the first packet; the answer comes with the description.
  const adding = edge().client.addOutput("opaque", "127.0.0.1", { video, audio });
  await until("the relay asks for it", async () => {
    return (await channelAt(origin(), "opaque"))?.subscribers.some(({ state }) => state === "live");
  });
  const target = (index: number) =>
    `rtp://127.0.0.1:${taps[index]?.address().port}?rtcpport=${(ports[index] ?? 0) + 1}`;
  const publisher = ffmpeg(
    ...["-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=2"],
    ...["-re", "-f", "lavfi", "-i", "sine=frequency=300:sample_rate=48000:duration=2"],
    ...["-map", "0:v", "-c:v", "mpeg2video", "-b:v", "1M", "-f", "rtp", target(0)],
    ...[
      "-map",
      "1:a",
      "-c:a",
      "pcm_s16be",
      "-ac",
      "2",
      "-payload_type",
      "98",
      "-f",
      "rtp",
      target(1),
    ],
  );
  const { id } = await adding;
  assert.equal(await endOf(publisher), 0, publisher.stderr());
  try {
    await until("the last packets", () =>
      cameOut.every((packets, index) => packets.length >= (wentIn[index]?.length ?? 0)),
    ).catch(() => {});
    for (const [index, packets] of wentIn.entries()) {
      assert.ok(packets.length > 50, `${packets.length} packets were sent`);
      assert.equal(cameOut[index]?.length, packets.length, "as many came out as went in");
      assert.ok(
        packets.every((packet, at) => cameOut[index]?.[at]?.equals(packet)),
        "each is the same to the bit, in the same order",
      );
    }
    const tracks = (await channelAt(edge(), "opaque"))?.description?.tracks ?? [];
    assert.deepEqual(tracks.map(({ codec }) => codec).sort(), ["l16", "mpv"]);
  } finally {
    await edge().client.removeOutput(id);
    for (const socket of [...sinks, ...taps]) socket.close();
  }
});

/** The RTP packets that come to a socket, from now on. */
function collect(socket: Socket): Buffer[] {
  const packets: Buffer[] = [];
  socket.on("message", (bytes) => {
    if (typeof decodeRtp(bytes) !== "string") packets.push(bytes);
  });
  return packets;
}

for (const stack of ["udp", "tcp"]) {
  test(`lines of text come out at the other site in order, over ${stack.toUpperCase()}`, async () => {
    const channel = `news/${stack}`;
    await edge().client.setRoutes({
      channels: { [channel]: { input: { from: ["origin"], stack } } },
    });
    const publisher = meander("publish", channel, "--text", "--site", origin().url);
    const lines = Array.from({ length: 200 }, (_, index) => `${index}: ü "quoted" <b>€</b>`);
    const readers: Running[] = [];
    const read = (): Running => {
      const reader = meander("play", channel, "--text", "--site", edge().url);
      readers.push(reader);
      return reader;
    };
    const linesOf = (reader: Running): string[] => reader.stdout().split("\n").slice(0, -1);
    try {
      await until("the channel", async () => (await channelAt(origin(), channel)) !== undefined);
      const early = read();
      await until("the reader and its site", async () => {
        const channels = await Promise.all(
          [origin(), edge()].map((site) => channelAt(site, channel)),
        );
        return channels.every((each) => each?.subscribers.some(({ state }) => state === "live"));
      });
      publisher.child.stdin?.write(`${lines.slice(0, 100).join("\n")}\n`);
      await until("the first half", () => linesOf(early).length >= 100);
      const late = read();
      await until("the newest line", () => linesOf(late).length >= 1);
      assert.deepEqual(linesOf(late), lines.slice(99, 100), "a late reader gets the current line");
      publisher.child.stdin?.write(`${lines.slice(100).join("\n")}\n`);
      await until(
        "the second half",
        () => linesOf(early).length >= 200 && linesOf(late).length >= 101,
      );
      assert.deepEqual(linesOf(early), lines);
      assert.deepEqual(linesOf(late), lines.slice(99));
      const inputs = (await channelAt(edge(), channel))?.inputs ?? [];
      assert.deepEqual(
        inputs.map((input) => input.connection),
        [stack === "udp" ? "frag:udp" : "tcp"],
      );
      publisher.child.stdin?.end();
      assert.equal(await endOf(publisher), 0, publisher.stderr());
    } finally {
      await Promise.all([publisher, ...readers].map((running) => running.stop()));
    }
  });
}
