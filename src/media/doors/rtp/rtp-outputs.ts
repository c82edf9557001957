import { createSocket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { MeanderError, messageOf } from "../../../base/index.ts";
import { isMulticast } from "../../../transport/index.ts";
import { type OutputSocket, type OutputSocketPorts, openOutputSocket } from "./output-socket.ts";
import { RtpBundle } from "./rtp-bundle.ts";
import type { OutputMulticast, RtpOutputOptions } from "./rtp-options.ts";
import { RtpOutput } from "./rtp-output.ts";

/** A socket for outputs, and the bundles of their channels. */
interface SharedSocket {
  readonly sender: OutputSocket;
  readonly bundles: Map<string, { readonly bundle: RtpBundle; outputs: number }>;
}

/** A socket that is open or being opened, and how many outputs use it. */
interface SharedSocketInUse {
  readonly opening: Promise<SharedSocket>;
  users: number;
}

/**
 * All plain RTP outputs of a plane. Those of one address family share a socket, as do those to groups with the same
 * settings; those of one channel share a bundle.
 */
export class RtpOutputs implements AsyncDisposable {
  readonly #ports: OutputSocketPorts;
  readonly #sockets = new Map<string, SharedSocketInUse>();

  constructor(ports: OutputSocketPorts) {
    this.#ports = ports;
  }

  /**
   * Opens an output. The caller owns it: the channel that it is added to closes it.
   *
   * @throws {MeanderError} `output-invalid` when the host is unknown or a port is impossible, `multicast-refused`,
   *   `interface-unknown`, `bind-failed`
   */
  async open({ channel, host, multicast, tracks }: RtpOutputOptions): Promise<RtpOutput> {
    const isGroup = isMulticast(host);
    if (!isGroup && multicast !== undefined) {
      throw new MeanderError(
        "output-invalid",
        "a time to live and an interface apply to groups only",
        {
          where: `host ${host}`,
          expected: "a multicast address, or neither of them",
        },
      );
    }
    const wrong = tracks.find(({ port }) => port < 1 || port > 65_534);
    if (wrong !== undefined) {
      throw new MeanderError("output-invalid", `invalid RTP port ${wrong.port}`, {
        where: `${host}:${wrong.port}`,
        expected: "an RTP port from 1 to 65534",
      });
    }
    const address = isGroup ? host : await reach(host, tracks);
    const family = isIPv6(address) ? 6 : 4;
    const { leave, shared: used } = await this.#use(
      family,
      isGroup ? (multicast ?? {}) : undefined,
    );
    const { bundles } = used;
    const { socket } = used.sender;
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
        if (--shared.outputs === 0) {
          shared.bundle.close();
          bundles.delete(channel);
        }
        leave();
      },
    });
  }

  /** Closes the sockets. The outputs must be closed before. */
  async [Symbol.asyncDispose](): Promise<void> {
    const sockets = await Promise.allSettled(
      [...this.#sockets.values()].map(({ opening }) => opening),
    );
    this.#sockets.clear();
    for (const shared of sockets) {
      if (shared.status === "fulfilled") await shared.value.sender[Symbol.asyncDispose]();
    }
  }

  /** The socket for outputs of a kind. @param sending to groups, and how; undefined: to single receivers */
  async #use(
    family: 4 | 6,
    sending: OutputMulticast | undefined,
  ): Promise<{ shared: SharedSocket; leave(): void }> {
    const { ttl = 1, interface: on } = sending ?? {};
    const key = sending === undefined ? `${family}` : `${family} ${ttl} ${on ?? ""}`;
    const known = this.#sockets.get(key);
    const used: SharedSocketInUse = known ?? { opening: this.#open(family, sending), users: 0 };
    this.#sockets.set(key, used);
    used.users++;
    try {
      const shared = await used.opening;
      const leave = (): void => {
        // The socket for single receivers stays open for the next ones: there is at most one of each family.
        if (--used.users > 0 || sending === undefined || this.#sockets.get(key) !== used) return;
        this.#sockets.delete(key);
        void shared.sender[Symbol.asyncDispose]();
      };
      return { shared, leave };
    } catch (error) {
      // The next output tries again.
      if (this.#sockets.get(key) === used) this.#sockets.delete(key);
      throw error;
    }
  }

  async #open(family: 4 | 6, sending: OutputMulticast | undefined): Promise<SharedSocket> {
    return { sender: await openOutputSocket(family, sending, this.#ports), bundles: new Map() };
  }
}

/**
 * The IP address of a host. A socket is connected to each port that will be sent to, so the kernel has a route and
 * allows it.
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
    throw new MeanderError("output-invalid", `cannot send to the host: ${messageOf(error)}`, {
      where: `${host}:${port}`,
      expected: "a reachable host, and an RTP port from 1 to 65534",
      cause: error,
    });
  } finally {
    socket.close();
  }
}
