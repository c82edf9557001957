import { MeanderError, type Random } from "../../../base/index.ts";
import { type DatagramSocket, groupBinding } from "../../../transport/index.ts";
import type { OpenSocket } from "../../open-socket.ts";

/** Sockets for RTP and, on the port after it, RTCP (RFC 3550 §11). */
export interface PortPair {
  readonly rtp: DatagramSocket;
  readonly rtcp: DatagramSocket;
}

/** Attempts to find a free pair: the port after a free one is seldom in use. */
const ATTEMPTS = 32;
/** Pairs of a range that are tried. */
const PAIRS_MAX = 256;

/**
 * Binds a pair.
 *
 * @param host IP address to bind
 * @param port of RTP, 1..65534; 0: any free even one
 * @throws {MeanderError} `port-in-use`, `port-invalid`, `address-invalid`, `bind-failed`
 */
export async function openPortPair(
  openSocket: OpenSocket,
  host: string,
  port: number,
): Promise<PortPair> {
  if (port !== 0) {
    if (!(Number.isInteger(port) && port >= 1 && port <= 65_534)) {
      throw new MeanderError("port-invalid", `invalid RTP port ${port}`, {
        expected: "1 to 65534, since RTCP takes the port after it; 0 for any",
      });
    }
    return withRtcp(await openSocket({ host, port, exclusive: true }), openSocket);
  }
  for (let attempt = 1; ; attempt++) {
    const rtp = await openSocket({ host, port: 0, exclusive: true });
    if (rtp.port % 2 === 0) {
      try {
        return await withRtcp(rtp, openSocket);
      } catch (error) {
        if (attempt >= ATTEMPTS) throw error;
        continue;
      }
    }
    await rtp[Symbol.asyncDispose]();
    if (attempt >= ATTEMPTS) {
      throw new MeanderError("port-in-use", "no free pair of ports was found", {
        where: host,
        expected: "an even port and the one after it",
        next: "choose a free port",
      });
    }
  }
}

/**
 * Binds a free pair of a range.
 *
 * @param range both included
 * @throws {MeanderError} `port-in-use`, `address-invalid`, `bind-failed`
 */
export async function openPairWithin(
  openSocket: OpenSocket,
  host: string,
  { from, to }: { readonly from: number; readonly to: number },
  random: Pick<Random, "uint32">,
): Promise<PortPair> {
  const first = from + (from % 2);
  const pairs = Math.floor((to - first + 1) / 2);
  const start = pairs > 0 ? random.uint32() % pairs : 0;
  for (let attempt = 0; attempt < Math.min(pairs, PAIRS_MAX); attempt++) {
    const port = first + 2 * ((start + attempt) % pairs);
    try {
      return await openPortPair(openSocket, host, port);
    } catch (error) {
      if (!(error instanceof MeanderError) || error.code !== "port-in-use") throw error;
    }
  }
  throw new MeanderError("port-in-use", "no free pair of ports was found", {
    where: `ports ${from} to ${to} of ${host}`,
    expected: "an even port and the one after it",
    next: "close inputs that are no longer used, or start the site with a larger --rtp-ports",
  });
}

/**
 * Binds a pair that receives from a group. Other sockets on this machine may receive from it too.
 *
 * @throws {MeanderError} `multicast-refused`, `bind-failed`
 */
export async function openGroupPair(
  openSocket: OpenSocket,
  group: string,
  port: number,
): Promise<PortPair> {
  const host = groupBinding(group);
  const open = (each: number): Promise<DatagramSocket> =>
    openSocket({ host, port: each, exclusive: true, reuseAddress: true });
  const rtp = await open(port);
  try {
    return { rtp, rtcp: await open(port + 1) };
  } catch (error) {
    await rtp[Symbol.asyncDispose]();
    throw error;
  }
}

/** Closes both; settles when the ports are free. */
export async function closePortPair({ rtcp, rtp }: PortPair): Promise<void> {
  await Promise.all([rtp[Symbol.asyncDispose](), rtcp[Symbol.asyncDispose]()]);
}

/** Closes `rtp` when the next port is not available. */
async function withRtcp(rtp: DatagramSocket, openSocket: OpenSocket): Promise<PortPair> {
  try {
    return { rtp, rtcp: await openSocket({ host: rtp.host, port: rtp.port + 1, exclusive: true }) };
  } catch (error) {
    await rtp[Symbol.asyncDispose]();
    throw error;
  }
}
