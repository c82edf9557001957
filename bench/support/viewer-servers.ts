import { compileC } from "./c-compiler.ts";
import { Child } from "./child.ts";
import { processCpuSeconds } from "./process-cpu.ts";
import { processRssMb } from "./process-memory.ts";
import { STREAM_SDP } from "./rtp-stream.ts";
import { startSite } from "./site-process.ts";

/** Something that passes RTP of one UDP port to all viewers that connect to its TCP port. */
export interface ViewerServer {
  /** On 127.0.0.1. */
  readonly rtpPort: number;
  readonly tcpPort: number;
  /** CPU time of its process so far, user and system. */
  cpuSeconds(): number;
  rssMb(): number;
  stop(): Promise<void>;
}

export const VIEWERS_CHANNEL = "viewers";

/** A site with one channel that a publisher may send to. */
export async function openSiteServer(
  folder: string,
  options: { readonly site?: readonly string[]; readonly node?: readonly string[] },
): Promise<ViewerServer> {
  const site = await startSite(folder, options);
  const { tracks } = await site.client.publishSdp(VIEWERS_CHANNEL, STREAM_SDP, { ports: "assign" });
  const rtpPort = tracks[0]?.rtpPort;
  if (rtpPort === undefined) throw new Error("the site opened no port for the video");
  return { ...gauges(site.pid), rtpPort, tcpPort: site.port, stop: () => site.stop() };
}

/** The least that C can do: `bench/limit/tcp-fanout.c`. */
export async function openLimitServer(viewers: number, folder: string): Promise<ViewerServer> {
  const program = compileC("limit/tcp-fanout.c", folder);
  if (program === undefined) throw new Error("the limit is a C program for Linux: no `cc`");
  const child = new Child(program, [`${viewers}`]);
  const { rtp, tcp } = await child.line<{ rtp: number; tcp: number }>();
  return { ...gauges(child.pid), rtpPort: rtp, tcpPort: tcp, stop: () => child.stop() };
}

function gauges(pid: number): Pick<ViewerServer, "cpuSeconds" | "rssMb"> {
  return {
    cpuSeconds: () => processCpuSeconds(pid),
    rssMb: () => processRssMb(pid),
  };
}
