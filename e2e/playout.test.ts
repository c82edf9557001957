// Runs alone: it measures lip-sync and latency.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { after, before, test } from "node:test";
import { type Browser, openBrowser } from "./support/browser.ts";
import { Network } from "./support/network.ts";
import { observe, openPlayer, playerStats } from "./support/player.ts";
import { CHROMIUM, FFMPEG, needs } from "./support/programs.ts";
import { RtpProxy } from "./support/rtp-proxy.ts";
import { until } from "./support/wait.ts";

const skip =
  process.platform === "win32"
    ? "processes cannot be stopped and continued"
    : needs({ ffmpeg: FFMPEG, chromium: CHROMIUM });
const CHANNEL = "field";
/** What a viewer notices of lip-sync, ms. */
const SKEW_MS = 60;
/** Sound is back within a second; the rest is for a machine that does other things too, ms. */
const BACK_MS = 4_000;
const SETTLED_MS = 12_000;
const LATENCY_MS = 80;

let network: Network;
let browser: Browser;
let proxy: RtpProxy;
let usualMs = 0;
/** Processes of the browser. */
let pids: readonly number[] = [];

before(async () => {
  if (skip !== false) return;
  network = await Network.open("site");
  proxy = await RtpProxy.publish(network.site("site"), CHANNEL);
  const others = new Set(descendants());
  browser = await openBrowser();
  await openPlayer(browser.page, network.site("site").url, CHANNEL);
  pids = descendants().filter((pid) => !others.has(pid));
  const { now, skewMs } = await observe(browser.page, 3_000);
  assert.ok(Math.abs(skewMs) < SKEW_MS, `${skewMs}`);
  usualMs = now["latencyMs"] ?? 0;
});

after(async () => {
  await browser?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
  await network?.[Symbol.asyncDispose]();
});

/** All processes below this one. */
function descendants(): number[] {
  const lines = execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" }).split("\n");
  const pairs = lines.map((line) => line.trim().split(/\s+/).map(Number));
  const found = [process.pid];
  for (const parent of found)
    for (const [pid = 0, ppid] of pairs) if (ppid === parent) found.push(pid);
  return found.slice(1);
}

/** Everything is as before: sound soon, and then lip-sync and latency. */
async function recovered(): Promise<void> {
  const { page } = browser;
  await until("sound", async () => ((await playerStats(page))["audioLevel"] ?? 0) > 0.01, BACK_MS);
  let seen: unknown;
  try {
    await until(
      "lip-sync and latency as before",
      async () => {
        const { now, frames, loudest, skewMs } = await observe(page, 1_500);
        const { latencyMs } = now;
        seen = { frames, loudest, skewMs, latencyMs };
        const isInTime = latencyMs !== undefined && Math.abs(latencyMs - usualMs) < LATENCY_MS;
        return isInTime && frames > 20 && loudest > 0.01 && Math.abs(skewMs) < SKEW_MS;
      },
      SETTLED_MS,
    );
  } catch (cause) {
    throw new Error(`usually ${usualMs} ms, now ${JSON.stringify(seen)}`, { cause });
  }
}

/** The packets of so many seconds have a fate. */
async function happens(ms: number, fateOf: RtpProxy["fateOf"]): Promise<void> {
  proxy.fateOf = fateOf;
  await browser.page.waitForTimeout(ms);
  proxy.fateOf = () => undefined;
}

async function stopped(processes: readonly number[], ms: number): Promise<void> {
  // The browser ends processes of its own, so that the shell's `kill` may not find all.
  const signal = (name: string): void =>
    void spawnSync("kill", [`-${name}`, ...processes.map(String)]);
  signal("STOP");
  await new Promise((resolve) => setTimeout(resolve, ms));
  signal("CONT");
}

test("sound goes on while 1 % and 4 % of it are lost", { skip }, async () => {
  for (const each of [100, 25]) {
    proxy.fateOf = (kind, index) => (kind === "audio" && index % each === 7 ? "lost" : undefined);
    await observe(browser.page, 3_000);
    await recovered();
    proxy.fateOf = () => undefined;
  }
});

test("sound that pauses for two seconds is back, and the picture did not wait", {
  skip,
}, async () => {
  const before = (await playerStats(browser.page))["framesPresented"] ?? 0;
  await happens(2_000, (kind) => (kind === "audio" ? "silent" : undefined));
  const frames = ((await playerStats(browser.page))["framesPresented"] ?? 0) - before;
  assert.ok(frames > 35, `${frames}`);
  await recovered();
});

test("a sender that pauses for three seconds is played as before", { skip }, async () => {
  await happens(3_000, () => "silent");
  await recovered();
});

test("timestamps that jump by two hours, and back, are not noticed", { skip }, async () => {
  for (const seconds of [7_200, 0]) {
    proxy.leapSeconds = seconds;
    await recovered();
  }
});

test("a site that stood still for five seconds is caught up with", { skip }, async () => {
  await stopped([network.site("site").pid], 5_000);
  await recovered();
});

test("a browser that stood still for six seconds continues live", { skip }, async () => {
  await stopped(pids, 6_000);
  await recovered();
});
