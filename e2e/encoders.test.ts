// Runs alone: it counts pictures
/**
 * What encoders make, with the options that people use, seen by a player, a recording and a receiver of RTP that come
 * late: as the table of docs/guides/encoders.md says.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Browser, openBrowser } from "./support/browser.ts";
import { publishRow } from "./support/encoder-sources.ts";
import { ENCODER_ROWS, type EncoderRow } from "./support/encoders.ts";
import { framesIn, sdpFor } from "./support/inputs.ts";
import { ffmpeg } from "./support/media-programs.ts";
import { channelAt, Network, type SiteProcess } from "./support/network.ts";
import { endOf, meander, type Running } from "./support/processes.ts";
import { CHROMIUM, FFMPEG, FFPROBE, GSTREAMER, hasElements, needs } from "./support/programs.ts";
import { probe } from "./support/recorded.ts";
import { freePortPairs, isListening } from "./support/udp.ts";
import { until } from "./support/wait.ts";

const DOCUMENT = "docs/guides/encoders.md";
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Rows at a time: more would measure the machine. */
const BATCH = 7;
const WATCH_SECONDS = 3;
/** Of the pictures of that time, so many must come: decoders need some of it to start. */
const SHARE_MIN = 0.7;
const TURNS_MAX = 3;
const WORKS = "works";

/** How a row fares, by each way. */
interface Fare {
  readonly player: string;
  readonly recording: string;
  readonly rtp: string;
}

const skip =
  needs({ chromium: CHROMIUM, ffmpeg: FFMPEG, ffprobe: FFPROBE, "gst-launch-1.0": GSTREAMER }) ||
  (hasElements("x264enc", "openh264enc", "vp8enc", "vp9enc") ? false : "GStreamer lacks encoders");

let network: Network;
let browser: Browser;

const site = (): SiteProcess => network.site("origin");

before(async () => {
  if (skip !== false) return;
  network = await Network.open("origin");
  browser = await openBrowser();
});

after(async () => {
  await browser?.[Symbol.asyncDispose]();
  await network?.[Symbol.asyncDispose]();
});

test("each encoder fares with each option as the guide's table says", { skip }, async () => {
  const lines: string[] = [];
  for (let at = 0; at < ENCODER_ROWS.length; at += BATCH) {
    const rows = ENCODER_ROWS.slice(at, at + BATCH);
    const fares = await faresOf(rows, at);
    for (const [index, { encoder, option }] of rows.entries()) {
      const { player, recording, rtp } = fares[index] as Fare;
      lines.push(`| ${encoder} | ${option} | ${player} | ${recording} | ${rtp} |`);
    }
  }
  const documented = readFileSync(join(ROOT, DOCUMENT), "utf8")
    .split("\n")
    .filter((line) => /^\| (ffmpeg|GStreamer|Chromium)/.test(line));
  assert.equal(lines.join("\n"), documented.join("\n"));
});

/** Publishes some rows side by side, and looks at each in the three ways. */
async function faresOf(rows: readonly EncoderRow[], first: number): Promise<Fare[]> {
  const channels = rows.map((_row, index) => `row-${first + index}`);
  const publishers: Running[] = [];
  try {
    await browser.page.goto(`${site().url}/player.html`);
    for (const [index, row] of rows.entries()) {
      const channel = channels[index] as string;
      const place = { site: site(), channel, folder: network.folder, page: browser.page };
      publishers.push(await publishRow(row, place));
    }
    await until("packets of all", async () => {
      const views = await Promise.all(channels.map((channel) => channelAt(site(), channel)));
      return views.every((view) => (view?.packetsIn ?? 0) > 60);
    });
    const recordings = channels.map((channel) => recordingOf(channel));
    const outputs = channels.map((channel) => receivedOf(channel));
    const least = rows.map(({ fps }) => fps * WATCH_SECONDS * SHARE_MIN);
    const players = await playersOf(channels, least);
    const [recorded, received] = [await Promise.all(recordings), await Promise.all(outputs)];
    return rows.map(({ fps }, index) => {
      const enough = fps * WATCH_SECONDS * SHARE_MIN;
      const judge = (found: number | string): string =>
        typeof found === "string" ? found : found >= enough ? WORKS : `${found} pictures`;
      return {
        player: judge(players[index] as number | string),
        recording: judge(recorded[index] as number | string),
        rtp: judge(received[index] as number | string),
      };
    });
  } finally {
    await Promise.all(publishers.map((publisher) => publisher.stop()));
  }
}

/**
 * Pictures that players of one page show in the time, or what they say instead.
 *
 * @param least enough of each: else they are watched again, because the machine may have been busy
 */
async function playersOf(
  channels: readonly string[],
  least: readonly number[],
): Promise<(number | string)[]> {
  const { page } = browser;
  await page.evaluate(`document.body.replaceChildren(...${JSON.stringify(channels)}.map((channel) => {
    const player = document.createElement("meander-player");
    player.setAttribute("channel", channel);
    player.setAttribute("muted", "");
    return player;
  }))`);
  const counts = async (): Promise<readonly number[]> =>
    (await page.evaluate(
      `[...document.querySelectorAll("meander-player")].map((each) => each.stats.framesPresented)`,
    )) as number[];
  // One that shows nothing within this time says why.
  await until("pictures", async () => (await counts()).every((count) => count > 10), 6_000).catch(
    () => undefined,
  );
  let shown: number[] = [];
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const start = await counts();
    await page.waitForTimeout(WATCH_SECONDS * 1000);
    shown = (await counts()).map((count, index) => count - (start[index] ?? 0));
    if (shown.every((count, index) => count === 0 || count >= (least[index] ?? 0))) break;
  }
  const said = (await page.evaluate(
    `[...document.querySelectorAll("meander-player")].map(({ shadowRoot }) =>
      [".title", ".detail"].map((part) => shadowRoot.querySelector(part)?.textContent ?? ""))`,
  )) as [title: string, detail: string][];
  return channels.map((_channel, index) => {
    const [title = "", detail = ""] = said[index] ?? [];
    const count = shown[index] ?? 0;
    return count > 0 ? count : [title, detail].filter((part) => part !== "").join(": ");
  });
}

/** Pictures of a recording of the time, if it decodes without complaint. */
async function recordingOf(channel: string): Promise<number | string> {
  const path = join(network.folder, `${channel}-recorded.mkv`);
  const args = ["--to", path, "--duration", `${WATCH_SECONDS + 1}s`, "--site", site().url];
  const recorder = meander("record", channel, ...args);
  const timer = setTimeout(() => recorder.child.kill("SIGINT"), 14_000);
  await endOf(recorder);
  clearTimeout(timer);
  if (!existsSync(path)) return wordsOf(recorder.stdout(), recorder.stderr());
  try {
    const decoder = ffmpeg("-i", path, "-map", "0:v", "-f", "null", "-");
    await endOf(decoder);
    const [complaint = ""] = decoder.stderr().split("\n");
    if (complaint !== "") return `ffmpeg complains: ${complaint.replace(/^\[.*?\] /, "")}`;
    return probe(path).tracks[0]?.times.length ?? 0;
  } catch {
    return "no file";
  }
}

/** What a recorder that wrote nothing said. */
function wordsOf(stdout: string, stderr: string): string {
  const said = `${stdout}\n${stderr}`.trim();
  const reason = /dropped: \d+ ([\w-]+)/.exec(said)?.[1];
  if (reason !== undefined) return `nothing, all counted as ${reason}`;
  return `nothing: ${said.split("\n").at(-1) ?? ""}`;
}

/** Pictures that ffmpeg decodes of RTP in the time. */
async function receivedOf(channel: string): Promise<number | string> {
  const [port = 0] = await freePortPairs(1);
  const sdp = join(network.folder, `${channel}.sdp`);
  const text = await sdpFor(site(), channel, [port]);
  if (/AV1\/90000/.test(text)) return "no receiver here";
  await writeFile(sdp, text);
  const decoded = join(network.folder, `${channel}.decoded`);
  const receiver = ffmpeg(
    ...["-protocol_whitelist", "file,udp,rtp", "-i", sdp, "-t", String(WATCH_SECONDS)],
    ...["-vsync", "passthrough", "-an", "-f", "framecrc", "-y", decoded],
  );
  const timer = setTimeout(() => receiver.child.kill("SIGINT"), 14_000);
  await until("the receiver listens", () => isListening(port));
  const { id } = await site().client.addOutput(channel, "127.0.0.1", { video: port });
  await endOf(receiver);
  clearTimeout(timer);
  await site().client.removeOutput(id);
  return framesIn(await readFile(decoded, "utf8").catch(() => ""), 1)[0] ?? 0;
}
