import type { Forwarder, ForwarderOptions } from "./forwarder.ts";
import { CAN_SEE_CPU, processCpuSeconds } from "./process-cpu.ts";
import { STREAM_SDP } from "./rtp-stream.ts";
import { startSite } from "./site-process.ts";

const CHANNEL = "bench";

/** A site as `meander site` runs it, with a plain RTP output for each subscriber. */
export async function openMeander(options: ForwarderOptions): Promise<Forwarder> {
  const { folder, greet, native, ports } = options;
  const site = await startSite(folder, { site: native ? [] : ["--no-native"] });
  const { client, pid } = site;
  try {
    const { tracks } = await client.publishSdp(CHANNEL, STREAM_SDP, { ports: "assign" });
    const port = tracks[0]?.rtpPort;
    if (port === undefined) throw new Error("the site opened no port for the video");
    await greet(port);
    for (const video of ports) await client.addOutput(CHANNEL, "127.0.0.1", { video });
    return {
      port,
      cpuSeconds: async () =>
        CAN_SEE_CPU ? processCpuSeconds(pid) : (await client.site()).process.cpuSeconds,
      stop: () => site.stop(),
    };
  } catch (error) {
    await site.stop();
    throw error;
  }
}
