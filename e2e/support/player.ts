import type { Page } from "playwright-core";
import { until } from "./wait.ts";

/** The numbers of the page's `<meander-player>`; see its `stats`. */
export type Numbers = Readonly<Record<string, number>> & { readonly path: readonly string[] };

/** What was seen and heard in a window of time. */
export interface Observation {
  /** The numbers at its end. */
  readonly now: Numbers;
  /** Pictures presented within it. */
  readonly frames: number;
  /** The highest level of the sound within it. */
  readonly loudest: number;
  /** By how much the picture came after its sound, ms; the median over the window, since one picture may be late. */
  readonly skewMs: number;
}

const FRAME_RATE_MIN = 20;

/** The player's numbers now. */
export async function playerStats(page: Page): Promise<Numbers> {
  return (await page.evaluate(
    `JSON.parse(JSON.stringify(document.querySelector("meander-player").stats))`,
  )) as Numbers;
}

/** Opens the player's page at a site, and waits for sound and a moving picture. */
export async function openPlayer(page: Page, site: string, channel: string): Promise<Numbers> {
  await page.goto(`${site}/player.html?channel=${encodeURIComponent(channel)}`);
  let now: Numbers | undefined;
  try {
    return await until(`picture and sound of ${channel}`, async () => {
      now = await playerStats(page);
      // An encoder that has just started on a busy machine may stumble.
      const moves = (now["framesPresented"] ?? 0) > 20 && (now["frameRate"] ?? 0) > FRAME_RATE_MIN;
      const sounds = (now["audioLevel"] ?? 0) > 0 && now["avSkewMs"] !== undefined;
      return moves && sounds ? now : undefined;
    });
  } catch (cause) {
    throw new Error(`the player does not play: ${JSON.stringify(now)}`, { cause });
  }
}

/** Observes the player for so long. */
export async function observe(page: Page, ms: number): Promise<Observation> {
  const before = await playerStats(page);
  const end = performance.now() + ms;
  let now = before;
  let loudest = 0;
  const skews: number[] = [];
  while (performance.now() < end) {
    await page.waitForTimeout(Math.min(100, Math.max(0, end - performance.now())));
    now = await playerStats(page);
    loudest = Math.max(loudest, now["audioLevel"] ?? 0);
    if (now["avSkewMs"] !== undefined) skews.push(now["avSkewMs"]);
  }
  const frames = (now["framesPresented"] ?? 0) - (before["framesPresented"] ?? 0);
  const skewMs = skews.sort((a, b) => a - b)[Math.floor(skews.length / 2)] ?? Number.NaN;
  return { now, frames, loudest, skewMs };
}
