import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { Child } from "./child.ts";
import type { Forwarder, ForwarderOptions } from "./forwarder.ts";
import { CAN_SEE_CPU, processCpuSeconds } from "./process-cpu.ts";

/** GStreamer's `udpsrc ! multiudpsink`, told not to wait for any clock. */
export async function openGstreamer({ ports }: ForwarderOptions): Promise<Forwarder | undefined> {
  if (!CAN_SEE_CPU || !hasElement("udpsrc") || !hasElement("multiudpsink")) return undefined;
  const port = await freePort();
  const clients = ports.map((each) => `127.0.0.1:${each}`).join(",");
  const source = ["udpsrc", "address=127.0.0.1", `port=${port}`, "buffer-size=4194304"];
  const sink = ["multiudpsink", `clients=${clients}`, "sync=false", "async=false"];
  const child = new Child("gst-launch-1.0", ["-q", ...source, "!", ...sink]);
  return { port, cpuSeconds: async () => processCpuSeconds(child.pid), stop: () => child.stop() };
}

function hasElement(name: string): boolean {
  return spawnSync("gst-inspect-1.0", ["--exists", name]).status === 0;
}

async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}
