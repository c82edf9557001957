import type { Socket } from "node:dgram";
import type { Counters } from "../../base/index.ts";
import type { DatagramTotals } from "../datagram-totals.ts";
import type { Remote } from "../datagrams.ts";
import type { PlainSender } from "../plain-sender.ts";
import type { GroupHost } from "../remote-group.ts";
import { ArrivalWatch } from "./arrival-watch.ts";
import { BatchReceiver } from "./batch-receiver.ts";
import { BatchSender } from "./batch-sender.ts";
import { ERRNO, errorName, SOCKET } from "./constants.ts";
import { udpDescriptor } from "./descriptors.ts";
import { ErrorQueue } from "./error-queue.ts";
import { KernelSender } from "./kernel-sender.ts";
import type { NativeCalls } from "./native-calls.ts";
import { RawRemotes } from "./raw-remotes.ts";

/** What makes a socket of Node a batched one. */
export interface Batches {
  readonly sender: BatchSender;
  readonly receiver: BatchReceiver;
  readonly remotes: RawRemotes;
  readonly errors: ErrorQueue;
  /** From now on the handler gets what arrives, if possible without Node's help. */
  watch(handler: (bytes: Uint8Array, from: Remote) => void): void;
  /** Before the descriptor ends. */
  close(): void;
  /** Lets Node receive again. */
  handBack(): void;
}

/**
 * Looks whether batches are possible at this socket, and prepares them; else says why not.
 *
 * @param options `coalesced`: the kernel may join datagrams that arrive; `onForbidden`: batches turned out to be
 *   impossible later
 */
export function openBatches(options: {
  readonly calls: NativeCalls;
  readonly socket: Socket;
  readonly family: 4 | 6;
  readonly plain: PlainSender;
  readonly counts: Counters;
  readonly totals: DatagramTotals;
  readonly host: GroupHost;
  readonly coalesced: boolean;
  readonly onForbidden: () => void;
}): Batches | "no-descriptor" | "kernel-refused" {
  const { calls, counts, family, onForbidden, totals } = options;
  const descriptor = udpDescriptor(options.socket);
  if (descriptor === undefined) return "no-descriptor";
  // Calls for nothing succeed, unless a sandbox allows none.
  const isAllowed =
    calls.sendmmsg(descriptor, calls.memory.messages.address, 0) >= 0 &&
    calls.recvmmsg(descriptor, calls.memory.arrivals.address, 0) >= 0;
  if (!isAllowed) return "kernel-refused";
  if (options.coalesced) calls.setOption(descriptor, SOCKET.solUdp, SOCKET.udpGro, 1);
  const remotes = new RawRemotes();
  const errors = new ErrorQueue({ calls, descriptor, family, remotes, counts });
  const { host, plain } = options;
  const kernel = new KernelSender({ calls, descriptor, family, plain, errors, counts, totals });
  const sender = new BatchSender({ kernel, family, host, onForbidden });
  const receiver = new BatchReceiver({
    calls,
    descriptor,
    remotes,
    totals,
    onError(error) {
      if (error === ERRNO.ENOSYS || error === ERRNO.EPERM) onForbidden();
      else if (sender.takeErrors() === 0) counts.add(`error-${errorName(error)}`);
    },
  });
  let arrivals: ArrivalWatch | undefined;
  return {
    sender,
    receiver,
    remotes,
    errors,
    watch(handler) {
      const { socket } = options;
      arrivals = ArrivalWatch.open({ calls, socket, take: () => receiver.drain(handler) });
    },
    handBack: () => arrivals?.handBack(),
    close() {
      arrivals?.close();
      sender.close();
      kernel.letCut();
      receiver.close();
    },
  };
}
