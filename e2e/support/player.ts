import type { Page } from "playwright-core";
import { until } from "./wait.ts";

/** The numbers of the page's `<meander-player>`; see its `stats`. */
export type Numbers = Readonly<Record<string, number>> & { readonly path: readonly string[] };

/** What was seen in a window of time. */
export interface Observation {
  readonly now: Numbers;
  /** Pictures presented within it. */
  readonly frames: number;
}

/** The player's numbers now. */
export async function playerStats(page: Page): Promise<Numbers> {
  return (await page.evaluate(
    `JSON.parse(JSON.stringify(document.querySelector("meander-player").stats))`,
  )) as Numbers;
}

/** Opens the player's page at a site, and waits for picture and sound. */
export async function openPlayer(page: Page, site: string, channel: string): Promise<Numbers> {
  await page.goto(`${site}/player.html?channel=${encodeURIComponent(channel)}`);
  return until(`picture and sound of ${channel}`, async () => {
    const now = await playerStats(page);
    const plays = (now["framesPresented"] ?? 0) > 10 && (now["audioLevel"] ?? 0) > 0;
    return plays && now["avSkewMs"] !== undefined ? now : undefined;
  });
}

/** Looks on for so long. */
export async function observe(page: Page, ms: number): Promise<Observation> {
  const before = await playerStats(page);
  await page.waitForTimeout(ms);
  const now = await playerStats(page);
  return { now, frames: (now["framesPresented"] ?? 0) - (before["framesPresented"] ?? 0) };
}
