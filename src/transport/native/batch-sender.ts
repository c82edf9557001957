import { LIMITS } from "../../base/index.ts";
import type { DatagramSender } from "../datagram-sender.ts";
import type { RemoteEntry } from "../remote-entry.ts";
import type { GroupHost, RemoteGroup } from "../remote-group.ts";
import { GroupBatcher } from "./group-batcher.ts";
import type { KernelSender } from "./kernel-sender.ts";
import { RemoteBatcher } from "./remote-batcher.ts";

/** Collects what is sent within a turn, and sends it by few system calls. docs/spec/datagrams.md [G10]-[G15] */
export class BatchSender implements DatagramSender {
  readonly #kernel: KernelSender;
  readonly #toGroups: GroupBatcher;
  readonly #toRemotes: RemoteBatcher;
  readonly #host: GroupHost;
  readonly #onForbidden: () => void;
  /** For whom something waits. */
  readonly #groups: RemoteGroup[] = [];
  readonly #remotes: RemoteEntry[] = [];
  /** Datagrams that wait for remotes. */
  #count = 0;
  #isScheduled = false;
  #isFlushing = false;
  #isClosed = false;

  /** @param options `onForbidden` is called when the kernel turns out to allow no batches; nothing waits then */
  constructor(options: {
    readonly kernel: KernelSender;
    readonly family: 4 | 6;
    readonly host: GroupHost;
    readonly onForbidden: () => void;
  }) {
    this.#kernel = options.kernel;
    this.#toGroups = new GroupBatcher(options.kernel, options.family);
    this.#toRemotes = new RemoteBatcher(options.kernel, options.family);
    this.#host = options.host;
    this.#onForbidden = options.onForbidden;
  }

  send(bytes: Uint8Array, to: RemoteEntry): boolean {
    const isInGroup = to.memberships.length > 0;
    // To one remote in the order of the calls: what its groups have for it goes first.
    if (isInGroup) this.flush();
    if (bytes.byteLength > LIMITS.datagramBytesMax || this.#kernel.goesPlain) {
      this.flush();
      return this.#kernel.plain.send(bytes, to);
    }
    if (to.pending.length === 0) this.#remotes.push(to);
    to.pending.push(bytes);
    this.#count++;
    if (isInGroup || this.#count >= LIMITS.datagramBatchMax) this.flush();
    else this.#schedule();
    return true;
  }

  sendToGroup(bytes: Uint8Array, group: RemoteGroup): void {
    const { pending } = group;
    // A remote in two groups gets what was sent first, first.
    const mayShare = this.#host.sharedRemotes > 0 && this.#groups.at(-1) !== group;
    if (mayShare) this.flush();
    if (bytes.byteLength > LIMITS.datagramBytesMax || this.#kernel.goesPlain) {
      this.flush();
      this.#kernel.plain.sendToGroup(bytes, group);
      return;
    }
    if (pending.length === 0) this.#groups.push(group);
    pending.push(bytes);
    if (pending.length >= LIMITS.gsoSegmentsMax) this.flush();
    else this.#schedule();
  }

  flush(): void {
    if (this.#isFlushing || this.#isClosed) return;
    if (this.#groups.length === 0 && this.#remotes.length === 0) return;
    this.#isFlushing = true;
    for (const group of this.#groups) this.#toGroups.flush(group);
    if (this.#remotes.length > 0) this.#toRemotes.flush(this.#remotes);
    // Setting their length would cost more.
    while (this.#groups.length > 0) this.#groups.pop();
    while (this.#remotes.length > 0) this.#remotes.pop();
    this.#count = 0;
    this.#isFlushing = false;
    if (this.#kernel.isForbidden) this.#onForbidden();
    this.#kernel.tellMissed();
  }

  /** Takes what the network has reported: how many reports. */
  takeErrors(): number {
    const count = this.#kernel.takeErrors();
    if (!this.#isFlushing) this.#kernel.tellMissed();
    return count;
  }

  /** Sends nothing more: the descriptor ends. */
  close(): void {
    this.#isClosed = true;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#kernel.calls.deferred.atEnd(this.#flushDeferred);
  }

  readonly #flushDeferred = (): void => {
    this.#isScheduled = false;
    this.flush();
  };
}
