// Runs alone: it measures frame rates, and how far sound and picture are apart.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { gstreamerPublishPipeline, gstreamerReceivePipeline } from "../src/media/index.ts";
import { publishFfmpeg } from "../src/site/index.ts";
import { parseSdp, type SdpTrack } from "../src/wire/index.ts";
import { type Browser, openBrowser } from "./support/browser.ts";
import { framesIn, openInput, sdpFor, UNASSIGNED } from "./support/inputs.ts";
import { ffmpeg, gstreamer } from "./support/media-programs.ts";
import { channelAt, Network, type SiteProcess } from "./support/network.ts";
import { observe, openPlayer } from "./support/player.ts";
import { endOf, json, meander, type Running } from "./support/processes.ts";
import { CHROMIUM, FFMPEG, GSTREAMER, hasElements, needs } from "./support/programs.ts";
import { freePortPairs, isListening } from "./support/udp.ts";
import { until } from "./support/wait.ts";

const WATCH_MS = 3_000;
const SKEW_MS_MAX = 40;

let network: Network;
let browser: Browser | undefined;

before(async () => {
  network = await Network.open("origin", "edge");
  if (CHROMIUM !== undefined) browser = await openBrowser();
});

after(async () => {
  await browser?.[Symbol.asyncDispose]();
  await network?.[Symbol.asyncDispose]();
});

const origin = (): SiteProcess => network.site("origin");
const edge = (): SiteProcess => network.site("edge");

/** Plays the channel at the relay in Chromium for a while. */
async function assertChromiumPlays(
  channel: string,
  diagnostic: (message: string) => void,
): Promise<void> {
  const { page, errors } = browser as Browser;
  await openPlayer(page, edge().url, channel);
  const { now, frames, loudest, skewMs } = await observe(page, WATCH_MS);
  diagnostic(
    `${frames} frames in ${WATCH_MS} ms, latency ${now["latencyMs"]?.toFixed(0)} ms, skew ` +
      `${skewMs.toFixed(1)} ms, first picture ${now["firstPictureMs"]?.toFixed(0)} ms, ` +
      `longest freeze ${now["longestFreezeMs"]?.toFixed(0)} ms, ${now["videoCodec"]}`,
  );
  await page.goto("about:blank");
  assert.ok(frames >= 60, `${frames} frames in ${WATCH_MS} ms`);
  assert.deepEqual(now.path, ["origin", "edge"]);
  assert.equal(now["decodeErrors"], 0);
  assert.equal(now["packetsLost"], 0);
  assert.ok(loudest > 0.001, `audio level ${loudest}`);
  assert.ok(Math.abs(skewMs) <= SKEW_MS_MAX, `the picture comes ${skewMs} ms after its sound`);
  assert.deepEqual(errors, []);
}

/** Receives the channel with ffmpeg, which decodes it without a warning. The number of B-frames. */
async function assertFfmpegDecodes(
  channel: string,
  diagnostic: (message: string) => void,
): Promise<number> {
  const [video = 0, audio = 0] = await freePortPairs(2);
  const play = ["play", channel, "--sdp", "--ports", `${video},${audio}`, "--site", edge().url];
  const sdp = join(network.folder, `${channel}.sdp`);
  // As a user does who has the SDP already: first the receiver, so that it misses nothing.
  await writeFile(sdp, await sdpFor(edge(), channel, [video, audio]));
  const decoded = join(network.folder, `${channel}.decoded`);
  const bidirectional = join(network.folder, `${channel}.b-frames`);
  const receiver = ffmpeg(
    ...["-xerror", "-protocol_whitelist", "file,udp,rtp", "-t", "4", "-i", sdp],
    ...["-map", "0:v", "-map", "0:a", "-f", "framecrc", "-y", decoded],
    ...["-map", "0:v", "-vf", "select=eq(pict_type\\,B)", "-vsync", "passthrough"],
    ...["-f", "framecrc", "-y", bidirectional],
  );
  await until("ffmpeg listens", async () => {
    return (await isListening(video + 1)) && (await isListening(audio + 1));
  });
  const output = meander(...play, "--json");
  const { id } = await output.line((line) => json<{ id: number }>(line));
  assert.equal(await endOf(receiver), 0, receiver.stderr());
  assert.equal(await meander("play", channel, "--remove", `${id}`, "--site", edge().url).ended, 0);
  assert.equal(receiver.stderr(), "");

  const [pictures = 0, sounds = 0] = framesIn(await readFile(decoded, "utf8"), 2);
  const [between = 0] = framesIn(await readFile(bidirectional, "utf8"), 1);
  diagnostic(`${pictures} pictures, ${between} of them B-frames, and ${sounds} sounds`);
  assert.ok(pictures >= 90 && pictures <= 130, `${pictures} pictures in 4 s`);
  assert.ok(sounds >= 150 && sounds <= 220, `${sounds} sounds of 20 ms in 4 s`);
  return between;
}

/** Receives the channel with GStreamer, which decodes so many pictures. */
async function assertGstreamerDecodes(channel: string): Promise<void> {
  const [video = 0, audio = 0] = await freePortPairs(2);
  const { tracks } = parseSdp(await sdpFor(edge(), channel, [video, audio]));
  const pipeline = gstreamerReceivePipeline(tracks, {
    sink: ({ kind }) =>
      kind === "video"
        ? "identity eos-after=75 ! fakesink sync=true"
        : "audioconvert ! identity eos-after=100 ! fakesink sync=true",
  });
  const receiver = gstreamer(pipeline);
  await until("GStreamer listens", async () => {
    return (await isListening(video + 1)) && (await isListening(audio + 1));
  });
  const { id } = await edge().client.addOutput(channel, "127.0.0.1", { video, audio });
  try {
    assert.equal(await endOf(receiver), 0, receiver.stderr());
    assert.doesNotMatch(receiver.stderr(), /ERROR|CRITICAL|WARN/i);
    assert.match(receiver.stdout(), /EOS/);
  } finally {
    await receiver.stop();
    await edge().client.removeOutput(id);
  }
}

/** A suite whose publisher runs while its tests do. */
function published(
  name: string,
  channel: string,
  skip: string | false,
  publish: () => Promise<Running>,
  tests: () => void,
): void {
  suite(name, { skip }, () => {
    let publisher: Running;
    before(async () => {
      publisher = await publish();
      await until(`packets of ${channel}`, async () => {
        const described = (await channelAt(origin(), channel))?.description?.tracks.length;
        return described === 2;
      });
    });
    after(() => publisher?.stop());
    tests();
    test("the publisher reports no error", () => {
      assert.equal(publisher.child.exitCode, null, publisher.stderr());
      assert.doesNotMatch(publisher.stderr(), /error|failed|WARN|CRITICAL/i);
    });
  });
}

/** What `meander publish --ffmpeg` sends. */
function byCommandLine(channel: string, ...args: readonly string[]): () => Promise<Running> {
  const input = ["--ffmpeg", "testsrc2=size=480x270:rate=30", "--bitrate", "1000000"];
  return async () => meander("publish", channel, ...input, "--site", origin().url, ...args);
}

const chromium = needs({ chromium: CHROMIUM });
const gst = needs({ "gst-launch-1.0": GSTREAMER });

/** The tests that hold for H.264 and VP8 alike. */
function playsEverywhere(channel: string, hasBFrames: boolean, decoders: readonly string[]): void {
  test("Chromium plays it at a relay", { skip: chromium }, (t) =>
    assertChromiumPlays(channel, (message) => t.diagnostic(message)),
  );
  test("ffmpeg receives it from a relay and decodes it", async (t) => {
    const bFrames = await assertFfmpegDecodes(channel, (message) => t.diagnostic(message));
    assert.equal(bFrames > 0, hasBFrames);
  });
  const noElements = hasElements(...decoders) ? false : `no ${decoders.join(", ")} in GStreamer`;
  test("GStreamer receives it from a relay and decodes it", { skip: gst || noElements }, () =>
    assertGstreamerDecodes(channel),
  );
}

published(
  "H.264 with B-frames and Opus, by the command line and ffmpeg",
  "cam",
  needs({ ffmpeg: FFMPEG }),
  byCommandLine("cam", "--b-frames", "2"),
  () => playsEverywhere("cam", true, ["rtph264depay", "avdec_h264", "opusdec"]),
);

published(
  "VP8 and Opus, by the command line and ffmpeg",
  "vp8",
  needs({ ffmpeg: FFMPEG }),
  byCommandLine("vp8", "--video", "vp8"),
  () => playsEverywhere("vp8", false, ["rtpvp8depay", "vp8dec", "opusdec"]),
);

const OPUS: SdpTrack = {
  ...{ kind: "audio", codec: "opus", payloadType: 97, clockRate: 48_000, channels: 2 },
  ...UNASSIGNED,
};
const H264: SdpTrack = {
  ...{ kind: "video", codec: "h264", payloadType: 96, clockRate: 90_000 },
  ...{ fmtp: "packetization-mode=1", ...UNASSIGNED },
};
const VP8: SdpTrack = {
  ...{ kind: "video", codec: "vp8", payloadType: 96, clockRate: 90_000 },
  ...UNASSIGNED,
};

/** A flash and a beep at the beginning of each second. */
const FLASH =
  "testsrc2=size=320x240:rate=25," +
  "drawbox=x=0:y=0:w=iw:h=ih:t=fill:color=white:enable='lt(mod(t,1),0.2)'";
const BEEP = "aevalsrc='if(lt(mod(t,1),0.2),0.5*sin(2*PI*1000*t),0.002*sin(2*PI*300*t))':s=48000";

/** Receives a channel that flashes and beeps with ffmpeg: both coincide, by the publisher's sender reports. */
async function assertFlashesWithBeeps(
  channel: string,
  diagnostic: (message: string) => void,
): Promise<void> {
  const [video = 0, audio = 0] = await freePortPairs(2);
  const { id, sdp } = await edge().client.addOutput(channel, "127.0.0.1", { video, audio });
  const file = join(network.folder, `${channel}.sdp`);
  await writeFile(file, sdp);
  const seen = join(network.folder, `${channel}.seen`);
  const heard = join(network.folder, `${channel}.heard`);
  // It joins in the middle, so its messages before the first key frame do not count.
  const receiver = ffmpeg(
    ...["-protocol_whitelist", "file,udp,rtp", "-v", "fatal", "-t", "5", "-i", file],
    ...["-map", "0:v", "-vf", `signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=${seen}`],
    ...["-map", "0:a", "-af", `silencedetect=noise=0.1:duration=0.3,ametadata=print:file=${heard}`],
    ...["-f", "null", "-"],
  );
  assert.equal(await endOf(receiver), 0, receiver.stderr());
  await edge().client.removeOutput(id);
  const flashes = flashesIn(await readFile(seen, "utf8"));
  const ends = (await readFile(heard, "utf8")).matchAll(/silence_end=([\d.]+)/g);
  const beeps = [...ends].map(([, at]) => Number(at));
  const skews = flashes.map((flash) => {
    const nearest = beeps.reduce((a, b) => (Math.abs(b - flash) < Math.abs(a - flash) ? b : a));
    return (flash - nearest) * 1_000;
  });
  diagnostic(`the flash comes after the beep by ${skews.map((ms) => ms.toFixed(1)).join(", ")} ms`);
  assert.ok(skews.length >= 3, `${skews.length} flashes`);
  for (const skew of skews) assert.ok(Math.abs(skew) <= SKEW_MS_MAX, `${skew} ms`);
}

/** When a picture became bright, s, by what ffmpeg's filter `metadata` printed of its average. */
function flashesIn(text: string): number[] {
  const flashes: number[] = [];
  let time = 0;
  let wasBright = true;
  for (const line of text.split("\n")) {
    time = Number(/pts_time:([\d.]+)/.exec(line)?.[1] ?? time);
    const level = /YAVG=([\d.]+)/.exec(line)?.[1];
    if (level === undefined) continue;
    const isBright = Number(level) > 200;
    if (isBright && !wasBright) flashes.push(time);
    wasBright = isBright;
  }
  return flashes;
}

published(
  "H.264 with B-frames and Opus, by an SDP and two outputs of ffmpeg",
  "flash",
  needs({ ffmpeg: FFMPEG }),
  async () => {
    const [video, audio] = await openInput(origin(), "flash", [H264, OPUS]);
    const rtp = (track: SdpTrack | undefined): string[] => {
      return ["-f", "rtp", `rtp://127.0.0.1:${track?.port}?pkt_size=1200`];
    };
    // One clock for both, which B-frames must not shift.
    const now = ["-start_time_realtime", `${Date.now() * 1_000}`, "-avoid_negative_ts", "disabled"];
    return ffmpeg(
      ...["-re", "-f", "lavfi", "-i", FLASH, "-re", "-f", "lavfi", "-i", BEEP],
      ...["-map", "0:v", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"],
      ...["-bf", "2", "-g", "25", "-x264-params", "rc-lookahead=5:sync-lookahead=0:scenecut=0"],
      ...["-b:v", "800k", "-payload_type", "96", ...now, ...rtp(video)],
      ...["-map", "1:a", "-c:a", "libopus", "-b:a", "64k", "-ac", "2"],
      ...["-payload_type", "97", ...now, ...rtp(audio)],
    );
  },
  () => {
    test("Chromium plays it at a relay", { skip: chromium }, (t) =>
      assertChromiumPlays("flash", (message) => t.diagnostic(message)),
    );
    test("a receiver sees the flash when it hears the beep", (t) =>
      assertFlashesWithBeeps("flash", (message) => t.diagnostic(message)));
  },
);

test("what the library publishes keeps picture and sound together, too", {
  skip: needs({ ffmpeg: FFMPEG }),
}, async (t) => {
  const source = {
    input: FLASH,
    audioInput: BEEP,
    video: "h264",
    audio: "opus",
    bFrames: 3,
  } as const;
  const publication = await publishFfmpeg(source, { site: origin().url, channel: "library" });
  try {
    await assertFlashesWithBeeps("library", (message) => t.diagnostic(message));
  } finally {
    await publication.close();
  }
  assert.equal(await publication.ended, undefined);
});

const noVp8 = hasElements("vp8enc", "opusenc", "rtpbin")
  ? false
  : "no vp8enc, opusenc in GStreamer";
published(
  "VP8 and Opus from GStreamer",
  "gst-vp8",
  gst || noVp8,
  () => fromGstreamer("gst-vp8", VP8),
  () => {
    test("Chromium plays it at a relay", { skip: chromium }, (t) =>
      assertChromiumPlays("gst-vp8", (message) => t.diagnostic(message)),
    );
  },
);

const noX264 = hasElements("x264enc", "opusenc", "rtpbin")
  ? false
  : "no x264enc, opusenc in GStreamer";
published(
  "H.264 and Opus from GStreamer",
  "gst-h264",
  gst || noX264,
  () => fromGstreamer("gst-h264", H264),
  () => {
    test("Chromium plays it at a relay", { skip: chromium }, (t) =>
      assertChromiumPlays("gst-h264", (message) => t.diagnostic(message)),
    );
  },
);

async function fromGstreamer(channel: string, video: SdpTrack): Promise<Running> {
  const open = await openInput(origin(), channel, [video, OPUS]);
  return gstreamer(gstreamerPublishPipeline(open, { host: "127.0.0.1" }));
}
