import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import type { Clock, Log, MeanderError, Random } from "../../base/index.ts";
import type { ClipReader } from "./clip-reader.ts";
import { FilePublisher } from "./file-publisher.ts";

export interface PublishClipOptions {
  /** Used, not owned. */
  readonly clip: ClipReader;
  /** IP address to send to. */
  readonly host: string;
  /** Where each track is sent, in the clip's order. */
  readonly ports: readonly { readonly rtpPort: number; readonly rtcpPort: number }[];
  readonly loop: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A clip being sent. */
export interface ClipPublication {
  readonly publisher: FilePublisher;
  /** Settles when the clip has ended and its goodbye was sent; with why, if it could not be read to its end. */
  readonly ended: Promise<MeanderError | undefined>;
  /** Sends a goodbye and ends. Idempotent. */
  close(): Promise<unknown>;
}

/** Sends a clip to the ports of an ingest, in real time. If no program listens there, that is not an error. */
export async function publishClip(options: PublishClipOptions): Promise<ClipPublication> {
  const { host, log, ports } = options;
  const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4" });
  socket.on("error", (error) => log.warn("A clip could not be sent.", { cause: error.message }));
  socket.bind({ address: isIPv6(host) ? "::" : "0.0.0.0", port: 0 });
  await once(socket, "listening");
  let underway = 0;
  let onIdle: (() => void) | undefined;
  const publisher = new FilePublisher({
    ...options,
    send(track, what, bytes) {
      const target = ports[track];
      if (target === undefined) return;
      underway++;
      socket.send(bytes, what === "rtp" ? target.rtpPort : target.rtcpPort, host, () => {
        underway--;
        if (underway === 0) onIdle?.();
      });
    },
  });
  const finish = async (): Promise<MeanderError | undefined> => {
    const failure = await publisher.ended;
    if (underway > 0) await new Promise<void>((resolve) => (onIdle = resolve));
    await closeSocket(socket);
    return failure;
  };
  const ended = finish();
  return {
    publisher,
    ended,
    close() {
      publisher.close();
      return ended;
    },
  };
}

function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}
