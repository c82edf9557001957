import { assert } from "../base/index.ts";
import type { DatagramSender } from "./datagram-sender.ts";
import type { DatagramGroup, OnMissed, Remote } from "./datagrams.ts";
import { RemoteEntry } from "./remote-entry.ts";

/** One remote in a group. */
export interface GroupMember {
  readonly remote: RemoteEntry;
  readonly onMissed: OnMissed | undefined;
}

/** The members of a group; sending is the socket's. */
export class RemoteGroup implements DatagramGroup {
  /** In no particular order. */
  readonly members: GroupMember[] = [];
  readonly #sender: () => DatagramSender;

  /** @param sender of the socket, as it is now */
  constructor(sender: () => DatagramSender) {
    this.#sender = sender;
  }

  get size(): number {
    return this.members.length;
  }

  add(remote: Remote, onMissed?: OnMissed): void {
    assert(remote instanceof RemoteEntry, "a remote is one of this socket");
    this.members.push({ remote, onMissed });
  }

  delete(remote: Remote): void {
    const index = this.members.findIndex((member) => member.remote === remote);
    const last = this.members.at(-1);
    if (index < 0 || last === undefined) return;
    this.members[index] = last;
    this.members.pop();
  }

  send(bytes: Uint8Array): void {
    if (this.members.length > 0) this.#sender().sendToGroup(bytes, this);
  }

  close(): void {
    this.members.length = 0;
  }
}
