import { assert } from "../base/index.ts";
import type { DatagramSender } from "./datagram-sender.ts";
import type { DatagramGroup, OnMissed, Remote } from "./datagrams.ts";
import type { GroupTable } from "./native/group-table.ts";
import { RemoteEntry } from "./remote-entry.ts";

/** One remote in a group. */
export interface GroupMember {
  readonly remote: RemoteEntry;
  readonly onMissed: OnMissed | undefined;
}

/** What groups of one socket share. */
export interface GroupHost {
  /** The socket's sender, as it is now. */
  readonly sender: DatagramSender;
  /** Remotes with several places in groups. */
  sharedRemotes: number;
  /** A member wants reports of refusals. */
  watchRefusals(): void;
}

/** The members of a group; sending is the socket's. */
export class RemoteGroup implements DatagramGroup {
  /** In no particular order. */
  readonly members: GroupMember[] = [];
  /** Datagrams that leave at the end of the turn, to those who are members now. */
  readonly pending: Uint8Array[] = [];
  /** For the sender: its form of the members, rebuilt when it is missing. */
  table: GroupTable | undefined = undefined;
  readonly #host: GroupHost;

  constructor(host: GroupHost) {
    this.#host = host;
  }

  get size(): number {
    return this.members.length;
  }

  add(remote: Remote, onMissed?: OnMissed): void {
    assert(remote instanceof RemoteEntry, "a remote is one of this socket");
    this.#beforeChange();
    this.members.push({ remote, onMissed });
    remote.memberships.push(onMissed);
    if (remote.memberships.length === 2) this.#host.sharedRemotes++;
    if (onMissed !== undefined) this.#host.watchRefusals();
  }

  delete(remote: Remote): void {
    const index = this.members.findIndex((member) => member.remote === remote);
    if (index < 0) return;
    this.#beforeChange();
    const [member] = this.members.splice(index, 1);
    if (member !== undefined) this.#forget(member);
  }

  send(bytes: Uint8Array): void {
    if (this.members.length > 0) this.#host.sender.sendToGroup(bytes, this);
  }

  close(): void {
    this.#beforeChange();
    for (const member of this.members.splice(0)) this.#forget(member);
  }

  /** What was sent before is for those who were members then. */
  #beforeChange(): void {
    if (this.pending.length > 0) this.#host.sender.flush();
    this.table?.expire();
  }

  #forget({ onMissed, remote }: GroupMember): void {
    remote.memberships.splice(remote.memberships.indexOf(onMissed), 1);
    if (remote.memberships.length === 1) this.#host.sharedRemotes--;
  }
}
