/**
 * A site for the bench of streams, in a process of its own.
 *
 *   node stream-site.js NAME FOLDER [URL of a site to join]
 *
 * Prints `{url}` when it is up; answers lines, see `answerLines`: `rss`, and `latency COUNT`, which appends to the stream `latency` so often, each time until the
 * message is consumed.
 *
 * @module
 */
import { SILENT } from "../../src/base/index.ts";
import { Site } from "../../src/site/index.ts";
import { answerLines } from "./answer-lines.ts";

const [name = "", data = "", join] = process.argv.slice(2);
const settings = { name, data, join, httpPort: 0, allowInline: true };
const site = await Site.start(settings, { log: SILENT });
const shell = site.openShell();
// An end in order, so that a profile is written when one was asked for.
process.once("SIGTERM", () => process.exit(0));

answerLines(
  { url: site.url },
  {
    rss: () => ({ mb: process.memoryUsage().rss / 2 ** 20 }),
    latency: async (count) => {
      const us: number[] = [];
      for (let index = 0; index < count; index++) {
        const at = performance.now();
        await shell.append("latency", index, { until: "consumed" });
        us.push((performance.now() - at) * 1_000);
      }
      return { us };
    },
  },
);
