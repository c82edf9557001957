// Runs alone: it counts pictures.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import {
  ffmpegTracks,
  gstreamerPublishPipeline,
  gstreamerReceivePipeline,
} from "../src/media/index.ts";
import { parseSdp, type SdpTrack } from "../src/wire/index.ts";
import { type Browser, openBrowser } from "./support/browser.ts";
import { framesIn, openInput, sdpFor, UNASSIGNED } from "./support/inputs.ts";
import { ffmpeg, gstreamer } from "./support/media-programs.ts";
import { channelAt, Network, type SiteProcess } from "./support/network.ts";
import { type Observation, observe, playerStats } from "./support/player.ts";
import { endOf, meander, type Running } from "./support/processes.ts";
import { CHROMIUM, FFMPEG, GSTREAMER, hasElements, needs } from "./support/programs.ts";
import { freePortPairs, isListening } from "./support/udp.ts";
import { until } from "./support/wait.ts";

const WATCH_MS = 1_500;
/** Of the 37 or 45 frames sent in that time. */
const FRAMES_MIN = 30;
const SKEW_MS_MAX = 40;
const H265 = "hev1.1.6.L93.B0";
const PICTURE = "testsrc2=size=320x180:rate=25";
const SIZE = { width: 320, height: 180 };
const TONE = "sine=frequency=440:sample_rate=48000";

/** A channel from a real publisher, and its receivers. */
interface Show {
  readonly title: string;
  readonly channel: string;
  /** What the player reports; undefined: the channel has no picture. */
  readonly video?: RegExp;
  readonly audio: RegExp;
  /** Receivers besides Chromium: those that support the format. */
  readonly receivers: readonly ("ffmpeg" | "gstreamer")[];
  readonly skip: string | false;
  publish(channel: string): Promise<Running>;
}

let network: Network;
let browser: Browser | undefined;

const origin = (): SiteProcess => network.site("origin");
const edge = (): SiteProcess => network.site("edge");
const noFfmpeg = needs({ ffmpeg: FFMPEG });
const noGstreamer =
  needs({ "gst-launch-1.0": GSTREAMER }) ||
  (hasElements("vp9enc", "x265enc", "avenc_aac", "mulawenc", "rtph265pay", "avdec_h265")
    ? false
    : "no VP9, H.265, AAC or G.711 in GStreamer");

const SHOWS: readonly Show[] = [
  {
    title: "VP9 and AAC by the command line and ffmpeg",
    channel: "vp9-aac",
    video: /^vp09\.00\./,
    audio: /^mp4a\.40\.2$/,
    receivers: ["ffmpeg", "gstreamer"],
    skip: noFfmpeg,
    publish: byFfmpeg("--video", "vp9", "--audio", "aac"),
  },
  {
    title: "H.265 and G.711 µ-law by the command line and ffmpeg",
    channel: "h265-pcmu",
    video: /^hev1\.1\./,
    audio: /^ulaw$/,
    receivers: ["ffmpeg", "gstreamer"],
    skip: noFfmpeg,
    publish: byFfmpeg("--video", "h265", "--audio", "pcmu", "--b-frames", "2"),
  },
  {
    title: "VP9 and G.711 A-law from GStreamer",
    channel: "gst-vp9-pcma",
    video: /^vp09\.00\./,
    audio: /^alaw$/,
    receivers: ["ffmpeg"],
    skip: noGstreamer,
    publish: byGstreamer("vp9", "pcma"),
  },
  {
    title: "H.265 and AAC from GStreamer",
    channel: "gst-h265-aac",
    video: /^hev1\.1\./,
    audio: /^mp4a\.40\.2$/,
    receivers: ["ffmpeg"],
    skip: noGstreamer,
    publish: byGstreamer("h265", "aac"),
  },
  {
    title: "AAC as MP4A-LATM from ffmpeg",
    channel: "latm",
    audio: /^mp4a\.40\.2$/,
    receivers: ["ffmpeg"],
    skip: noFfmpeg,
    publish: latm,
  },
  {
    title: "a WebM file of AV1 and Opus",
    channel: "av1-file",
    video: /^av01\.0\./,
    audio: /^opus$/,
    // Neither supports the payload format of AV1.
    receivers: [],
    skip: noFfmpeg,
    publish: byFile(
      "webm",
      ["-c:v", "libsvtav1", "-preset", "12", "-g", "25"],
      ["-c:a", "libopus"],
    ),
  },
  {
    title: "an MP4 file of H.265 and AAC",
    channel: "h265-file",
    video: /^hev1\.1\./,
    audio: /^mp4a\.40\.2$/,
    receivers: ["ffmpeg"],
    skip: noFfmpeg,
    publish: byFile(
      "mp4",
      ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=25"],
      ["-c:a", "aac", "-ar", "44100"],
    ),
  },
];

before(async () => {
  network = await Network.open("origin", "edge");
  if (CHROMIUM !== undefined) browser = await openBrowser();
});

after(async () => {
  await browser?.[Symbol.asyncDispose]();
  await network?.[Symbol.asyncDispose]();
});

/** What `meander publish --ffmpeg` sends. */
function byFfmpeg(...args: readonly string[]): Show["publish"] {
  const input = ["--ffmpeg", PICTURE, "--bitrate", "400000"];
  return async (channel) => meander("publish", channel, ...input, "--site", origin().url, ...args);
}

/** What `meander publish --file` sends of a file that ffmpeg made. */
function byFile(
  container: string,
  video: readonly string[],
  audio: readonly string[],
): Show["publish"] {
  return async (channel) => {
    const file = join(network.folder, `${channel}.${container}`);
    const maker = ffmpeg(
      ...["-f", "lavfi", "-i", PICTURE, "-f", "lavfi", "-i", TONE, "-t", "3"],
      ...["-pix_fmt", "yuv420p", ...video, ...audio, "-ac", "2", file],
    );
    assert.equal(await endOf(maker), 0, maker.stderr());
    return meander("publish", channel, "--file", file, "--loop", "--site", origin().url);
  };
}

function byGstreamer(codec: "vp9" | "h265", sound: "aac" | "pcma"): Show["publish"] {
  return async (channel) => {
    const tracks = ffmpegTracks({ input: "", video: codec, audio: sound });
    const open = await openInput(origin(), channel, tracks);
    return gstreamer(gstreamerPublishPipeline(open, { host: "127.0.0.1", size: SIZE }));
  };
}

async function latm(channel: string): Promise<Running> {
  const track: SdpTrack = {
    ...{ kind: "audio", codec: "mp4a-latm", payloadType: 97, clockRate: 48_000, channels: 2 },
    fmtp: "profile-level-id=41;cpresent=0;config=400023203fc0",
    ...UNASSIGNED,
  };
  const [open] = await openInput(origin(), channel, [track]);
  return ffmpeg(
    ...["-re", "-f", "lavfi", "-i", TONE, "-c:a", "aac", "-ac", "2", "-flags", "+global_header"],
    ...["-payload_type", "97", "-rtpflags", "latm", "-f", "rtp"],
    `rtp://127.0.0.1:${open?.port}?pkt_size=1200`,
  );
}

/** Plays the channel at the relay in Chromium. A browser without a decoder says so, and plays the rest. */
async function assertChromiumPlays(
  { audio, channel, video }: Show,
  diagnostic: (message: string) => void,
): Promise<void> {
  const { page, errors } = browser as Browser;
  await page.goto(`${edge().url}/player.html?channel=${channel}`);
  const hasPicture = video !== undefined && (!video.test(H265) || (await decodesH265(page)));
  let seen: Observation | undefined;
  try {
    await until(`${channel} plays well`, async () => {
      seen = await observe(page, WATCH_MS);
      const inSync = seen.frames >= FRAMES_MIN && Math.abs(seen.skewMs) <= SKEW_MS_MAX;
      return seen.loudest > 0.001 && (inSync || !hasPicture);
    });
  } catch (cause) {
    throw new Error(`it does not play well: ${JSON.stringify(seen)}`, { cause });
  }
  const { now, frames = 0, skewMs = 0 } = seen ?? { now: await playerStats(page) };
  const { videoCodec, audioCodec, decodeErrors, packetsLost, path, latencyMs } = now;
  diagnostic(
    `${videoCodec} ${audioCodec}: ${frames} frames in ${WATCH_MS} ms, ` +
      `latency ${latencyMs?.toFixed(0)} ms, skew ${skewMs.toFixed(1)} ms`,
  );
  const notice = await page.evaluate(
    `document.querySelector("meander-player").shadowRoot.querySelector(".notice").textContent`,
  );
  await page.goto("about:blank");
  assert.match(String(audioCodec), audio);
  assert.deepEqual(path, ["origin", "edge"]);
  assert.equal(packetsLost, 0);
  assert.deepEqual(errors, []);
  if (hasPicture) assert.match(String(videoCodec), video);
  if (hasPicture || video === undefined) assert.equal(decodeErrors, 0);
  else assert.match(String(notice), /Sound only.*no decoder for H\.265 \(hev1/);
}

function decodesH265(page: Browser["page"]): Promise<boolean> {
  const ask = `VideoDecoder.isConfigSupported({ codec: "${H265}" }).then(({ supported }) => supported)`;
  return page.evaluate(ask) as Promise<boolean>;
}

/** Receives the channel from the relay with ffmpeg, which decodes it without a warning. */
async function assertFfmpegDecodes(
  { channel, video }: Show,
  diagnostic: (message: string) => void,
): Promise<void> {
  const pairs = await freePortPairs(2);
  const sdp = join(network.folder, `${channel}.sdp`);
  await writeFile(sdp, await sdpFor(origin(), channel, pairs));
  const decoded = join(network.folder, `${channel}.decoded`);
  const receiver = ffmpeg(
    ...["-xerror", "-protocol_whitelist", "file,udp,rtp", "-t", "2", "-i", sdp],
    // ffmpeg shifts its timestamps when the first sender report arrives; counted ones never go back.
    ...(video === undefined ? [] : ["-vf", "settb=1/1000,setpts=N*40", "-vsync", "passthrough"]),
    ...["-af", "asetpts=N/SR/TB", "-map", "0", "-f", "framecrc", "-y", decoded],
  );
  const ports = portsOf(pairs, video !== undefined);
  await listening(Object.values(ports));
  const { id } = await edge().client.addOutput(channel, "127.0.0.1", ports);
  try {
    assert.equal(await endOf(receiver), 0, receiver.stderr());
    assert.equal(receiver.stderr(), "");
  } finally {
    await receiver.stop();
    await edge().client.removeOutput(id);
  }
  const frames = framesIn(await readFile(decoded, "utf8"), Object.keys(ports).length);
  diagnostic(`${frames.join(" pictures and ")} sounds in 2 s`);
  const sounds = frames.at(-1) ?? 0;
  if (video !== undefined) assert.ok((frames[0] ?? 0) >= 40, `${frames[0]} pictures in 2 s`);
  assert.ok(sounds >= 60, `${sounds} sounds in 2 s`);
}

/** Receives the channel from the relay with GStreamer, which decodes so many pictures and sounds. */
async function assertGstreamerDecodes({ channel }: Show): Promise<void> {
  const pairs = await freePortPairs(2);
  const { tracks } = parseSdp(await sdpFor(origin(), channel, pairs));
  const pipeline = gstreamerReceivePipeline(tracks, {
    sink: ({ kind }) =>
      kind === "video"
        ? "identity eos-after=40 ! fakesink sync=true"
        : "audioconvert ! identity eos-after=60 ! fakesink sync=true",
  });
  const receiver = gstreamer(pipeline);
  await listening(pairs);
  const { id } = await edge().client.addOutput(channel, "127.0.0.1", portsOf(pairs, true));
  try {
    assert.equal(await endOf(receiver), 0, receiver.stderr());
    assert.doesNotMatch(receiver.stderr(), /ERROR|CRITICAL|WARN/i);
    assert.match(receiver.stdout(), /EOS/);
  } finally {
    await receiver.stop();
    await edge().client.removeOutput(id);
  }
}

async function listening(pairs: readonly number[]): Promise<void> {
  await until("the receiver listens", async () => {
    const all = await Promise.all(pairs.map((port) => isListening(port + 1)));
    return all.every((each) => each);
  });
}

function portsOf(
  [video = 0, audio = 0]: readonly number[],
  hasVideo: boolean,
): { readonly video?: number; readonly audio: number } {
  return hasVideo ? { video, audio } : { audio };
}

for (const show of SHOWS) {
  suite(show.title, { skip: show.skip, concurrency: true }, () => {
    let publisher: Running;
    before(async () => {
      publisher = await show.publish(show.channel);
      await until(`packets of ${show.channel}`, async () => {
        const tracks = (await channelAt(origin(), show.channel))?.description?.tracks.length;
        return tracks === (show.video === undefined ? 1 : 2);
      });
    });
    after(async () => {
      await publisher?.stop();
      assert.doesNotMatch(publisher?.stderr() ?? "", /error|failed|WARN|CRITICAL/i);
    });

    test("Chromium plays it at a relay", { skip: needs({ chromium: CHROMIUM }) }, (t) =>
      assertChromiumPlays(show, (message) => t.diagnostic(message)),
    );
    if (show.receivers.includes("ffmpeg")) {
      test("ffmpeg receives it from a relay and decodes it", { skip: noFfmpeg }, (t) =>
        assertFfmpegDecodes(show, (message) => t.diagnostic(message)),
      );
    }
    if (show.receivers.includes("gstreamer")) {
      test("GStreamer receives it from a relay and decodes it", { skip: noGstreamer }, () =>
        assertGstreamerDecodes(show),
      );
    }
  });
}
