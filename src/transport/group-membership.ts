import { type Cancel, type Clock, every, messageOf } from "../base/index.ts";
import type { DatagramSocket } from "./datagrams.ts";
import { findInterface, interfacesPrint, type ListInterfaces } from "./interfaces.ts";
import { type JoinedAt, joinGroup, leaveGroup, type MulticastGroup } from "./multicast.ts";

/** How often the interfaces are looked at, ms. */
const LOOK_MS = 1_000;
/** After this silence the group is joined again, ms: a switch or a router may have forgotten the membership. */
const SILENCE_MS = 10_000;

/** What became of a membership. */
export type MembershipChange = "joined" | "lost";

export interface GroupMembershipOptions {
  /** Bound, of the group's family; used, not owned. */
  readonly sockets: readonly Pick<DatagramSocket, "multicast">[];
  readonly group: MulticastGroup;
  readonly clock: Clock;
  /** Absent: those of this machine. */
  readonly interfaces?: ListInterfaces | undefined;
  /** When something came from the group, ms of the clock. */
  heardAt(): number;
  /** Called after the first join, when the group is lost and when it is joined again, with the reason. */
  onChange?(change: MembershipChange, reason: string): void;
}

/**
 * Keeps sockets in a group: joins it again when the interface was changed, was away, or when the group is silent. [G33]
 */
export class GroupMembership implements Disposable {
  readonly #options: GroupMembershipOptions;
  readonly #cancel: Cancel;
  /** Where each socket has joined. */
  #joined: JoinedAt[] = [];
  #print: string;
  #isLost = false;
  #rejoins = 0;
  #joinedAt: number;

  /** @throws {MeanderError} `multicast-refused`, `interface-unknown` */
  constructor(options: GroupMembershipOptions) {
    const { clock, group, interfaces, sockets } = options;
    this.#options = options;
    try {
      for (const socket of sockets) this.#joined.push(joinGroup(socket, group, interfaces));
    } catch (error) {
      this.#leave();
      throw error;
    }
    this.#print = this.#look();
    this.#joinedAt = clock.now();
    this.#cancel = every(clock, "group-membership", LOOK_MS, () => this.#tick());
  }

  /** Times that the group was joined again. */
  get rejoins(): number {
    return this.#rejoins;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  [Symbol.dispose](): void {
    this.#cancel();
    this.#leave();
  }

  #tick(): void {
    const { clock, heardAt } = this.#options;
    const print = this.#look();
    if (print !== this.#print) {
      this.#print = print;
      this.#rejoin("the interface has changed");
    } else if (this.#isLost) {
      this.#rejoin("the interface is back");
    } else if (clock.now() - Math.max(heardAt(), this.#joinedAt) >= SILENCE_MS) {
      this.#rejoin(undefined);
    }
  }

  /** @param reason undefined: nothing has changed, so nothing is reported while it works */
  #rejoin(reason: string | undefined): void {
    const { clock, group, interfaces, onChange, sockets } = this.#options;
    this.#leave();
    try {
      for (const socket of sockets) this.#joined.push(joinGroup(socket, group, interfaces));
    } catch (error) {
      if (!this.#isLost) onChange?.("lost", messageOf(error));
      this.#isLost = true;
      return;
    }
    this.#isLost = false;
    this.#rejoins++;
    this.#joinedAt = clock.now();
    if (reason !== undefined) onChange?.("joined", reason);
  }

  #leave(): void {
    const { group, sockets } = this.#options;
    for (const [index, at] of this.#joined.entries()) {
      const socket = sockets[index];
      if (socket !== undefined) leaveGroup(socket, group, at);
    }
    this.#joined = [];
  }

  /** The chosen interface as it is, or all of them where the system chooses. */
  #look(): string {
    const { group, interfaces } = this.#options;
    const { address, interface: on } = group;
    if (on === undefined) return interfacesPrint(interfaces);
    try {
      return findInterface(on, address.includes(":") ? 6 : 4, interfaces).print;
    } catch {
      return "";
    }
  }
}
