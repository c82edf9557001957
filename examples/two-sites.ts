/** Two sites in one process, a clip published at the one, watched at the other. Run: node dist/examples/two-sites.js */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot, publishFile, startSite, watchChannel } from "../src/site/index.ts";

const data = await mkdtemp(join(tmpdir(), "meander-example-"));
const origin = await startSite({ name: "origin", httpPort: 0, data: join(data, "origin") });
const relay = await startSite({
  name: "relay",
  httpPort: 0,
  join: origin.url,
  data: join(data, "relay"),
});

const clip = join(packageRoot(), "media", "clip.mp4");
const publication = await publishFile(clip, { site: origin.url, channel: "clip", loop: true });

let packets = 0;
const enough = new Promise<void>((resolve) => {
  void watchChannel(relay.url, "clip", {
    onPath: (sites) => console.log(`it comes through ${sites.join(" > ")}`),
    onDescription: ({ tracks }) =>
      console.log(`it has ${tracks.map(({ codec }) => codec).join(" and ")}`),
    onPacket: () => {
      packets++;
      if (packets === 500) resolve();
    },
  });
});
await enough;
console.log(`${packets} packets came`);

await publication.close();
await relay.stop();
await origin.stop();
await rm(data, { recursive: true });
process.exit(0);
