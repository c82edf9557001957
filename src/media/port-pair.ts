import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { LIMITS, MeanderError, messageOf } from "../base/index.ts";

/** Sockets for RTP and, on the port after it, RTCP (RFC 3550 §11). */
export interface PortPair {
  readonly rtp: Socket;
  readonly rtcp: Socket;
  readonly rtpPort: number;
  readonly rtcpPort: number;
}

/** Tries to find a free pair: the port after a free one is seldom taken. */
const ATTEMPTS = 32;

/**
 * Binds a pair.
 *
 * @param host IP address to bind
 * @param port of RTP, 1..65534; 0: any free even one
 * @throws {MeanderError} `port-in-use`, `port-invalid`, `bind-failed`
 */
export async function openPortPair(host: string, port: number): Promise<PortPair> {
  if (port !== 0) {
    if (!(Number.isInteger(port) && port >= 1 && port <= 65_534)) {
      throw new MeanderError("port-invalid", `RTP port ${port}`, {
        expected: "1 to 65534, since RTCP takes the port after it; 0 for any",
      });
    }
    const rtp = await bind(host, port);
    return withRtcp(rtp, host, port);
  }
  for (let attempt = 1; ; attempt++) {
    const rtp = await bind(host, 0);
    const found = rtp.address().port;
    if (found % 2 === 0) {
      try {
        return await withRtcp(rtp, host, found);
      } catch (error) {
        if (attempt >= ATTEMPTS) throw error;
        continue;
      }
    }
    rtp.close();
    if (attempt >= ATTEMPTS) {
      throw new MeanderError("port-in-use", "found no free pair of ports", {
        where: host,
        expected: "an even port and the one after it",
        next: "name a free port",
      });
    }
  }
}

/** Closes both. */
export function closePortPair({ rtcp, rtp }: PortPair): void {
  rtp.close();
  rtcp.close();
}

async function withRtcp(rtp: Socket, host: string, rtpPort: number): Promise<PortPair> {
  try {
    const rtcp = await bind(host, rtpPort + 1);
    return { rtp, rtcp, rtpPort, rtcpPort: rtpPort + 1 };
  } catch (error) {
    rtp.close();
    throw error;
  }
}

async function bind(host: string, port: number): Promise<Socket> {
  const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4" });
  try {
    socket.bind({ address: host, port, exclusive: true });
    await once(socket, "listening");
  } catch (error) {
    socket.close();
    throw bindError(error, host, port);
  }
  growBuffer(socket);
  return socket;
}

/** Best effort: some systems allow less. */
function growBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(LIMITS.udpBufferBytes);
  } catch {
    // The default holds fewer packets, no more; losses are counted.
  }
}

function bindError(error: unknown, host: string, port: number): MeanderError {
  const where = `${host}:${port}`;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") {
    return new MeanderError("port-in-use", `UDP port ${port} is taken`, {
      where,
      next: "choose another port, let ports be assigned, or stop the program that holds it",
      cause: error,
    });
  }
  return new MeanderError("bind-failed", `cannot receive UDP: ${messageOf(error)}`, {
    where,
    expected: "an address of this machine and a port that this user may open",
    cause: error,
  });
}
