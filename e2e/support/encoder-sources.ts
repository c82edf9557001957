import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  BufferTarget,
  EncodedPacket,
  EncodedVideoPacketSource,
  MkvOutputFormat,
  Output,
} from "mediabunny";
import type { Page } from "playwright-core";
import { parseSdp, type SdpTrack } from "../../src/wire/index.ts";
import type { EncoderRow } from "./encoders.ts";
import { openInput, UNASSIGNED } from "./inputs.ts";
import { ffmpeg, gstreamer } from "./media-programs.ts";
import type { SiteProcess } from "./network.ts";
import { endOf, meander, type Running } from "./processes.ts";
import { FFMPEG } from "./programs.ts";

const PICTURE = "testsrc2=size=320x180:rate=25";
const RAW =
  "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=25/1,format=I420";
/** Of the files that are sent again and again, s. */
const LOOPED_SECONDS = 4;
/** Of those that ffmpeg sends once, s: looped, pictures with others before them would refer to what does not come. */
const ONCE_SECONDS = 25;
const PAYERS: Readonly<Record<string, string>> = {
  h264: "rtph264pay pt=96 config-interval=-1 mtu=1200",
  vp8: "rtpvp8pay pt=96 mtu=1200",
  vp9: "rtpvp9pay pt=96 mtu=1200",
};

/** Where a row's video is published. */
export interface EncoderPlace {
  readonly site: SiteProcess;
  readonly channel: string;
  /** Files are made here. */
  readonly folder: string;
  /** An empty page of a browser, for its encoders. */
  readonly page: Page | undefined;
}

/** Publishes a row's video until it is stopped. */
export async function publishRow({ way }: EncoderRow, place: EncoderPlace): Promise<Running> {
  const { channel, folder, page, site } = place;
  const file = join(folder, channel);
  switch (way.by) {
    case "file":
      return publishFile(await made(`${file}.${way.container}`, LOOPED_SECONDS, way.args), place);
    case "webcodecs":
      await writeFile(`${file}.mkv`, await encoded(page as Page, way.codec));
      return publishFile(`${file}.mkv`, place);
    case "ffmpeg": {
      const path = await made(`${file}.${way.container}`, ONCE_SECONDS, way.args);
      const [open] = await openInput(site, channel, [describedBy(path)]);
      const input = ["-re", "-i", path, "-c", "copy", "-an"];
      return ffmpeg(...input, ...EXPERIMENTAL, ...rtpTo(open?.port ?? 0));
    }
    case "gstreamer": {
      const track: SdpTrack = {
        ...{
          kind: "video",
          codec: way.codec,
          payloadType: 96,
          clockRate: 90_000,
          channels: undefined,
        },
        ...{ fmtp: way.codec === "h264" ? "packetization-mode=1" : undefined, ...UNASSIGNED },
      };
      const [open] = await openInput(site, channel, [track]);
      const sink = `udpsink host=127.0.0.1 port=${open?.port} sync=false`;
      return gstreamer(`${RAW} ! ${way.pipeline} ! ${PAYERS[way.codec]} ! ${sink}`);
    }
  }
}

/** VP9 over RTP is called experimental. */
const EXPERIMENTAL = ["-strict", "experimental"];

function rtpTo(port: number): string[] {
  return ["-payload_type", "96", "-f", "rtp", `rtp://127.0.0.1:${port}?pkt_size=1200`];
}

function publishFile(path: string, { channel, site }: EncoderPlace): Running {
  return meander("publish", channel, "--file", path, "--loop", "--site", site.url);
}

async function made(path: string, seconds: number, args: readonly string[]): Promise<string> {
  const input = ["-f", "lavfi", "-i", PICTURE, "-t", String(seconds), "-pix_fmt", "yuv420p"];
  const maker = ffmpeg("-y", ...input, ...args, path);
  assert.equal(await endOf(maker), 0, maker.stderr());
  return path;
}

/** What ffmpeg says of the RTP that it makes of a file. */
function describedBy(path: string): SdpTrack {
  const args = ["-v", "error", "-i", path, "-c", "copy", "-t", "0.1", ...EXPERIMENTAL, ...rtpTo(9)];
  const { stdout } = spawnSync(FFMPEG as string, args, { encoding: "utf8" });
  const [track] = parseSdp(stdout).tracks;
  if (track === undefined) throw new Error(`ffmpeg describes nothing of ${path}: ${stdout}`);
  return { ...track, ...UNASSIGNED };
}

interface Chunk {
  readonly data: string;
  readonly type: "key" | "delta";
  readonly timestamp: number;
}

/** A file of what the browser's encoder makes of a moving picture. */
async function encoded(page: Page, codec: string): Promise<Uint8Array> {
  const { chunks, config } = (await page.evaluate(
    `(${ENCODE})(${JSON.stringify(codec)}, ${LOOPED_SECONDS * 25})`,
  )) as {
    readonly chunks: readonly Chunk[];
    readonly config: {
      readonly codec: string;
      readonly codedWidth: number;
      readonly codedHeight: number;
    };
  };
  const output = new Output({ format: new MkvOutputFormat(), target: new BufferTarget() });
  const kind = codec.startsWith("vp09") ? "vp9" : codec.startsWith("av01") ? "av1" : "vp8";
  const source = new EncodedVideoPacketSource(kind);
  output.addVideoTrack(source, { frameRate: 25 });
  await output.start();
  for (const { data, timestamp, type } of chunks) {
    const bytes = new Uint8Array(Buffer.from(data, "base64"));
    await source.add(new EncodedPacket(bytes, type, timestamp / 1e6, 1 / 25), {
      decoderConfig: config,
    });
  }
  await output.finalize();
  return new Uint8Array(output.target.buffer as ArrayBuffer);
}

/** Runs in the page. */
const ENCODE = `async (codec, count) => {
  const canvas = new OffscreenCanvas(320, 180);
  const context = canvas.getContext("2d");
  const chunks = [];
  let config;
  const encoder = new VideoEncoder({
    output: (chunk, { decoderConfig }) => {
      config ??= decoderConfig && { codec: decoderConfig.codec, codedWidth: 320, codedHeight: 180 };
      const bytes = new Uint8Array(chunk.byteLength);
      chunk.copyTo(bytes);
      const data = btoa(String.fromCharCode(...bytes));
      chunks.push({ data, type: chunk.type, timestamp: chunk.timestamp });
    },
    error: (error) => { throw error; },
  });
  encoder.configure({ codec, width: 320, height: 180, bitrate: 300_000, framerate: 25, latencyMode: "realtime" });
  for (let index = 0; index < count; index++) {
    context.fillStyle = "hsl(" + index * 7 + " 80% 50%)";
    context.fillRect(0, 0, 320, 180);
    context.fillStyle = "white";
    context.fillRect((index * 4) % 300, 80, 20, 20);
    const frame = new VideoFrame(canvas, { timestamp: index * 40_000, duration: 40_000 });
    encoder.encode(frame, { keyFrame: index % 25 === 0 });
    frame.close();
    if (index % 10 === 9) await encoder.flush();
  }
  await encoder.flush();
  return { chunks, config };
}`;
