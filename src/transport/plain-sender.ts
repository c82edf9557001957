import type { Socket } from "node:dgram";
import { type Counters, LIMITS } from "../base/index.ts";
import type { DatagramSender } from "./datagram-sender.ts";
import type { DatagramTotals } from "./datagram-totals.ts";
import type { OnMissed } from "./datagrams.ts";
import type { RemoteEntry } from "./remote-entry.ts";
import type { RemoteGroup } from "./remote-group.ts";

/** Sends datagrams one by one, by `node:dgram`. What the kernel does not take at once waits, within a bound. */
export class PlainSender implements DatagramSender {
  readonly #socket: Socket;
  readonly #counts: Counters;
  readonly #totals: DatagramTotals;
  readonly #onError: (error: Error) => void;

  constructor(
    socket: Socket,
    options: {
      readonly counts: Counters;
      readonly totals: DatagramTotals;
      readonly onError: (error: Error) => void;
    },
  ) {
    this.#socket = socket;
    this.#counts = options.counts;
    this.#totals = options.totals;
    this.#onError = options.onError;
  }

  /** Whether datagrams wait for the kernel. */
  get isBehind(): boolean {
    return this.#socket.getSendQueueCount() > 0;
  }

  send(bytes: Uint8Array, to: RemoteEntry): boolean {
    return this.sendOne(bytes, to, undefined);
  }

  sendToGroup(bytes: Uint8Array, { members }: RemoteGroup): void {
    for (const { onMissed, remote } of members) this.sendOne(bytes, remote, onMissed);
  }

  /** Sends one datagram; `onMissed` may be called later. */
  sendOne(bytes: Uint8Array, { host, port }: RemoteEntry, onMissed: OnMissed | undefined): boolean {
    if (this.#socket.getSendQueueSize() + bytes.byteLength > LIMITS.udpBufferBytes) {
      this.#counts.add("send-queue-full");
      onMissed?.("send-queue-full");
      return false;
    }
    // One function for most: without any, Node keeps the errors of sends to itself.
    const afterSend =
      onMissed === undefined
        ? this.#afterSend
        : (error: Error | null): void => {
            if (error === null) return;
            this.#afterSend(error);
            onMissed("send-failed");
          };
    this.#totals.sendCalls++;
    this.#totals.sent++;
    this.#socket.send(bytes, port, host, afterSend);
    return true;
  }

  flush(): void {}

  readonly #afterSend = (error: Error | null): void => {
    if (error === null) return;
    this.#totals.sent--;
    this.#onError(error);
  };
}
