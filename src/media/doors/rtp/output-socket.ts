import { type Cancel, type Clock, every, type Log, messageOf } from "../../../base/index.ts";
import {
  type DatagramSocket,
  findInterface,
  type ListInterfaces,
  setMulticastSending,
} from "../../../transport/index.ts";
import type { OpenSocket } from "../../open-socket.ts";
import type { OutputMulticast } from "./rtp-options.ts";

/** How often the interface of a socket for groups is checked, ms. */
const LOOK_MS = 1_000;

/** The addresses that sockets for outputs are bound to. */
const ANY_HOST = { 4: "0.0.0.0", 6: "::" } as const;

/** What {@link openOutputSocket} works with. */
export interface OutputSocketPorts {
  readonly openSocket: OpenSocket;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: those of this machine. */
  readonly interfaces?: ListInterfaces | undefined;
}

/** A socket that outputs share. */
export interface OutputSocket extends AsyncDisposable {
  readonly socket: DatagramSocket;
}

/**
 * Opens a socket for outputs.
 *
 * @param sending to groups, and how; undefined: to single receivers
 * @throws {MeanderError} `multicast-refused`, `interface-unknown`, `bind-failed`
 */
export async function openOutputSocket(
  family: 4 | 6,
  sending: OutputMulticast | undefined,
  ports: OutputSocketPorts,
): Promise<OutputSocket> {
  const socket = await ports.openSocket({ host: ANY_HOST[family], port: 0 });
  let stop: Cancel = () => {};
  try {
    if (sending !== undefined) stop = keepSending(socket, sending, ports);
  } catch (error) {
    await socket[Symbol.asyncDispose]();
    throw error;
  }
  return {
    socket,
    async [Symbol.asyncDispose]() {
      stop();
      await socket[Symbol.asyncDispose]();
    },
  };
}

/** Sets how a socket sends to groups, again whenever the interface has changed. [G33] */
function keepSending(
  socket: DatagramSocket,
  { ttl = 1, interface: on }: OutputMulticast,
  { clock, interfaces, log }: OutputSocketPorts,
): Cancel {
  const apply = (): void => setMulticastSending(socket, { ttl, interface: on }, interfaces);
  apply();
  if (on === undefined) return () => {};
  let applied = findInterface(on, socket.family, interfaces).print;
  return every(clock, "output-interface", LOOK_MS, () => {
    try {
      const { print } = findInterface(on, socket.family, interfaces);
      if (print === applied) return;
      apply();
      applied = print;
      log.info("An interface for sending to groups has changed.", { interface: on });
    } catch (error) {
      if (applied !== "") {
        const about = { interface: on, reason: messageOf(error) };
        log.warn("An interface for sending to groups is not available any more.", about);
      }
      applied = "";
    }
  });
}
