import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SiteClient } from "../../src/site/index.ts";
import { Child } from "./child.ts";
import type { Forwarder, ForwarderOptions } from "./forwarder.ts";
import { CAN_SEE_CPU, processCpuSeconds } from "./process-cpu.ts";
import { STREAM_SDP } from "./rtp-stream.ts";

const CHANNEL = "bench";

/** A site as `meander site` runs it, with a plain RTP output for each subscriber. */
export async function openMeander({ folder, greet, ports }: ForwarderOptions): Promise<Forwarder> {
  const main = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));
  const data = await mkdtemp(join(folder, "site-"));
  const options = [
    "--name",
    CHANNEL,
    "--http-port",
    "0",
    "--data",
    data,
    "--log",
    "error",
    "--json",
  ];
  const child = new Child(process.execPath, [main, "site", ...options]);
  const { url } = await child.line<{ url: string }>();
  const client = new SiteClient(url);
  const { tracks } = await client.publishSdp(CHANNEL, STREAM_SDP, { ports: "assign" });
  const port = tracks[0]?.rtpPort;
  if (port === undefined) throw new Error("the site opened no port for the video");
  await greet(port);
  for (const video of ports) await client.addOutput(CHANNEL, "127.0.0.1", { video });
  return {
    port,
    cpuSeconds: async () =>
      CAN_SEE_CPU ? processCpuSeconds(child.pid) : (await client.site()).process.cpuSeconds,
    stop: () => child.stop(),
  };
}
