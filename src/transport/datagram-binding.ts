import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { LIMITS, type Log, MeanderError, messageOf } from "../base/index.ts";
import { familyOf, formatAddress } from "./address.ts";

/** Where a socket is bound, and with whom it shares the port. */
export interface Binding {
  /** IP address to bind, `127.0.0.1` or `::1`; its family is that of all remotes. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly log: Log;
  /** Other sockets may have the port as well, as receivers of multicast do. Default false. */
  readonly reuseAddress?: boolean | undefined;
  /** Not shared with other processes of a cluster. Default false. */
  readonly exclusive?: boolean | undefined;
}

/**
 * Binds a socket of Node with large buffers.
 *
 * @throws {MeanderError} `port-in-use`, `address-invalid`, `bind-failed`
 */
export async function bindSocket(binding: Binding): Promise<Socket> {
  const { host, port, log, reuseAddress = false, exclusive = false } = binding;
  const family = familyOf(host);
  if (family === undefined) {
    const expected = "an IP address such as 127.0.0.1";
    throw new MeanderError("address-invalid", "not an IP address", { where: host, expected });
  }
  const socket = createSocket({
    type: family === 4 ? "udp4" : "udp6",
    reuseAddr: reuseAddress,
    // Addresses are literals by now; without this every packet would wait for a resolver that answers later.
    lookup: (literal, _options, answer) => answer(null, literal, family),
  });
  try {
    const listening = once(socket, "listening");
    socket.bind({ port, address: host, exclusive });
    await listening;
  } catch (cause) {
    socket.close();
    throw bindError(cause, formatAddress(host, port));
  }
  enlargeBuffers(socket, log);
  return socket;
}

/** Best effort: kernels give less than asked, and some refuse. */
function enlargeBuffers(socket: Socket, log: Log): void {
  try {
    socket.setRecvBufferSize(LIMITS.udpBufferBytes);
    socket.setSendBufferSize(LIMITS.udpBufferBytes);
  } catch (thrown) {
    log.debug("The kernel refused large UDP buffers.", { message: messageOf(thrown) });
  }
}

function bindError(cause: unknown, where: string): MeanderError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EADDRINUSE") {
    const next = "choose another port, or stop the program that holds it";
    return new MeanderError("port-in-use", "the UDP port is in use", { where, next, cause });
  }
  return new MeanderError("bind-failed", `cannot open a UDP socket: ${messageOf(cause)}`, {
    where,
    expected: "an address of this machine and a port that this user may open",
    cause,
  });
}
