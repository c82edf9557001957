import { createSocket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { MeanderError, messageOf } from "../base/index.ts";
import type { RtpOutputOptions } from "../reflector/index.ts";
import type { DatagramSocket } from "../transport/index.ts";
import type { OpenSocket } from "./open-socket.ts";
import { RtpBundle } from "./rtp-bundle.ts";
import { RtpOutput } from "./rtp-output.ts";

/** What a socket is bound to that sends wherever it is told. */
const ANY_HOST = { 4: "0.0.0.0", 6: "::" } as const;

/** A socket, and the bundles of the channels whose outputs it serves. */
interface Way {
  readonly socket: DatagramSocket;
  readonly bundles: Map<string, { readonly bundle: RtpBundle; outputs: number }>;
}

/** All plain RTP outputs of a plane: those of one address family share a socket, those of one channel a bundle. */
export class RtpOutputs implements AsyncDisposable {
  readonly #openSocket: OpenSocket;
  readonly #ways = new Map<4 | 6, Promise<Way>>();

  constructor(openSocket: OpenSocket) {
    this.#openSocket = openSocket;
  }

  /**
   * Opens an output; whoever adds it to its channel closes it.
   *
   * @throws {MeanderError} `output-invalid` when the host is unknown or a port is impossible, `bind-failed`
   */
  async open({ channel, host, tracks }: RtpOutputOptions): Promise<RtpOutput> {
    const address = await reach(host, tracks);
    const way = await this.#way(isIPv6(address) ? 6 : 4);
    const { bundles, socket } = way;
    const destinations = tracks.map(({ medium, port }) => {
      return { medium, rtp: socket.remote(address, port), rtcp: socket.remote(address, port + 1) };
    });
    const shared = bundles.get(channel) ?? { bundle: new RtpBundle(socket), outputs: 0 };
    bundles.set(channel, shared);
    shared.outputs++;
    return new RtpOutput({
      socket,
      bundle: shared.bundle,
      destinations,
      onClosed: () => {
        for (const { rtcp, rtp } of destinations) {
          socket.release(rtp);
          socket.release(rtcp);
        }
        if (--shared.outputs > 0) return;
        shared.bundle.close();
        bundles.delete(channel);
      },
    });
  }

  /** Closes the sockets. Its outputs are closed before. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ways = await Promise.allSettled(this.#ways.values());
    this.#ways.clear();
    for (const way of ways) {
      if (way.status === "fulfilled") await way.value.socket[Symbol.asyncDispose]();
    }
  }

  #way(family: 4 | 6): Promise<Way> {
    const known = this.#ways.get(family);
    if (known !== undefined) return known;
    const opening = this.#openSocket({ host: ANY_HOST[family], port: 0 }).then(
      (socket): Way => ({ socket, bundles: new Map() }),
    );
    this.#ways.set(family, opening);
    // The next output tries again.
    opening.catch(() => this.#ways.delete(family));
    return opening;
  }
}

/**
 * The IP address of a host, once a socket could be connected to each port that will be sent to: the kernel then has a route,
 * and allows it.
 */
async function reach(host: string, tracks: RtpOutputOptions["tracks"]): Promise<string> {
  let address = host;
  for (const { port } of tracks) {
    for (const each of [port, port + 1]) address = await addressOf(host, each);
  }
  return address;
}

async function addressOf(host: string, port: number): Promise<string> {
  const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4" });
  try {
    socket.connect(port, host);
    await once(socket, "connect");
    return socket.remoteAddress().address;
  } catch (error) {
    throw new MeanderError("output-invalid", `cannot send to it: ${messageOf(error)}`, {
      where: `${host}:${port}`,
      expected: "a reachable host, and an RTP port from 1 to 65534",
      cause: error,
    });
  } finally {
    socket.close();
  }
}
