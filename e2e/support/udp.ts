import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { encodeRtcp } from "../../src/wire/index.ts";

/** Opens a UDP socket; `port` 0 is any free one. */
export async function openUdp(port = 0, host = "127.0.0.1"): Promise<Socket> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
  socket.bind(port, host);
  await once(socket, "listening");
  return socket;
}

/** Pairs are chosen below the ports that systems assign (Linux: 32768), so that no socket takes one meanwhile. */
const FIRST_PORT = 20_000;
const PAIRS = 6_000;

/** Free even ports whose successors are free too, for RTP and RTCP. */
export async function freePortPairs(count: number): Promise<number[]> {
  const held: Socket[] = [];
  const found: number[] = [];
  try {
    while (found.length < count) {
      const port = FIRST_PORT + 2 * Math.floor(Math.random() * PAIRS);
      const socket = await openUdp(port).catch(() => undefined);
      if (socket === undefined) continue;
      held.push(socket);
      const next = await openUdp(port + 1).catch(() => undefined);
      if (next === undefined) continue;
      held.push(next);
      found.push(port);
    }
    return found;
  } finally {
    for (const socket of held) socket.close();
  }
}

/** True when an RTCP port of this machine is bound: a datagram to it is not refused. */
export async function isListening(rtcpPort: number): Promise<boolean> {
  const socket = createSocket("udp4");
  let refused = false;
  socket.on("error", () => {
    refused = true;
  });
  socket.connect(rtcpPort, "127.0.0.1");
  await once(socket, "connect");
  const report = encodeRtcp([{ type: "receiver-report", ssrc: 1, reports: [] }]);
  // The refusal of the first arrives with, or before, the second.
  for (let round = 0; round < 2; round++) {
    await new Promise<void>((resolve) => {
      socket.send(report, (error) => {
        refused ||= error !== null;
        setTimeout(resolve, 5);
      });
    });
  }
  socket.close();
  return !refused;
}
