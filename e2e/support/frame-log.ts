import type { Page } from "playwright-core";
import { FRAME_COUNTER } from "../../src/media/index.ts";

/** What the page's player presented since the log was started. */
export interface FrameLog {
  /** Frame numbers read from the picture, in order of presentation; -1 where the strip could not be read. */
  readonly numbers: readonly number[];
  /** When each was presented, ms. */
  readonly times: readonly number[];
  readonly latencies: readonly (number | null)[];
}

/** Starts to read the frame counter of every picture that the page's `<meander-player>` presents. */
export async function startFrameLog(page: Page): Promise<void> {
  await page.evaluate(`(() => {
    const { pictureWidth, blockPixels, referenceBlocks, bits } = ${JSON.stringify(FRAME_COUNTER)};
    const player = document.querySelector("meander-player");
    const log = (window.frameLog = { numbers: [], times: [], latencies: [] });
    const strip = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    player.addEventListener("frame", ({ detail }) => {
      const canvas = player.canvas;
      const scale = canvas.width / pictureWidth;
      const width = referenceBlocks + bits;
      strip.canvas.width = width;
      strip.canvas.height = 1;
      for (let k = 0; k < width; k++) {
        strip.drawImage(canvas, (k + 0.5) * blockPixels * scale - 2, blockPixels * scale / 2 - 2, 4, 4, k, 0, 1, 1);
      }
      const data = strip.getImageData(0, 0, width, 1).data;
      const level = (k) => data[k * 4] + data[k * 4 + 1] + data[k * 4 + 2];
      let value = 0;
      const white = level(0), black = level(1);
      if (white - black < 300) value = -1;
      else for (let k = 0; k < bits; k++) value = value * 2 + (level(referenceBlocks + k) > (white + black) / 2 ? 1 : 0);
      log.numbers.push(value);
      log.times.push(performance.now());
      log.latencies.push(detail.latencyMs ?? null);
    });
  })()`);
}

export async function readFrameLog(page: Page): Promise<FrameLog> {
  return (await page.evaluate("window.frameLog")) as FrameLog;
}

/** Frames of the clip that were never presented between the first and the last of the log. */
export function missingFrames({ numbers }: FrameLog): number {
  let missing = 0;
  for (let i = 1; i < numbers.length; i++) {
    const step =
      ((numbers[i] as number) - (numbers[i - 1] as number) + FRAME_COUNTER.frames) %
      FRAME_COUNTER.frames;
    missing += Math.max(0, step - 1);
  }
  return missing;
}

/** The longest time between two presented frames, ms. */
export function longestFreeze({ times }: FrameLog): number {
  let longest = 0;
  for (let i = 1; i < times.length; i++) {
    longest = Math.max(longest, (times[i] as number) - (times[i - 1] as number));
  }
  return longest;
}
