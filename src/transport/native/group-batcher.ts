import type { OnMissed } from "../datagrams.ts";
import type { RemoteEntry } from "../remote-entry.ts";
import type { GroupMember, RemoteGroup } from "../remote-group.ts";
import { LAYOUT } from "./constants.ts";
import { countSegments } from "./count-segments.ts";
import { GroupTable } from "./group-table.ts";
import type { KernelSender, Messages } from "./kernel-sender.ts";

const NONE: readonly Uint8Array[] = [];

/** Sends what waits for a group: each datagram, or each segmented send, by one call to all members. */
export class GroupBatcher implements Messages {
  readonly #kernel: KernelSender;
  readonly #family: 4 | 6;
  readonly #arenaLow: number;
  #table: GroupTable;
  /** What is being sent: `#count` of `#packets` from `#first` on. */
  #packets: readonly Uint8Array[] = NONE;
  #first = 0;
  #count = 0;

  constructor(kernel: KernelSender, family: 4 | 6) {
    this.#kernel = kernel;
    this.#family = family;
    this.#arenaLow = kernel.calls.memory.arena.address % 2 ** 32;
    this.#table = new GroupTable(kernel.calls, family);
  }

  /** Sends and forgets what waits. */
  flush(group: RemoteGroup): void {
    const packets = group.pending;
    group.table ??= new GroupTable(this.#kernel.calls, this.#family);
    this.#table = group.table;
    this.#packets = packets;
    let first = 0;
    while (first < packets.length) {
      this.#table.renew(group.members);
      const count = this.#kernel.canSegment ? countSegments(packets, first) : 1;
      this.#sendRun(first, count);
      first += count;
    }
    // Setting its length would cost more.
    while (packets.length > 0) packets.pop();
    this.#packets = NONE;
  }

  isSegmented(): boolean {
    return this.#count > 1;
  }

  datagrams(_index: number, count: number): number {
    return count * this.#count;
  }

  segments(_index: number, count: number): number {
    return this.#count > 1 ? count * this.#count : 0;
  }

  segmentBytes(): number {
    return this.#packets[this.#first]?.byteLength ?? 0;
  }

  remote(index: number): RemoteEntry {
    return this.#member(index).remote;
  }

  onMissed(index: number): OnMissed | undefined {
    return this.#member(index).onMissed;
  }

  packets(): readonly Uint8Array[] {
    return this.#packets.slice(this.#first, this.#first + this.#count);
  }

  sendApart(index: number): void {
    const [first, count] = [this.#first, this.#count];
    this.#sendSingly(first, count, index, index + 1);
    this.#aimAtSegments(first, count);
    // The segmented send goes to the other members; from the next one on, a member that cannot receive it is among the
    // last.
    if (!this.remote(index).canSegment) this.#table.expire();
  }

  #member(index: number): GroupMember {
    return this.#table.order[index] as GroupMember;
  }

  #sendRun(first: number, count: number): void {
    const { arena } = this.#kernel.calls.memory;
    let offset = 0;
    for (let index = first; index < first + count; index++) {
      const packet = this.#packets[index] as Uint8Array;
      arena.bytes.set(packet, offset);
      offset += packet.byteLength;
    }
    const total = this.#table.order.length;
    const segmentable = count > 1 ? this.#table.segmentableCount : 0;
    if (segmentable > 0) {
      this.#aimAtSegments(first, count);
      this.#kernel.send(this, this.#table.segmentedMessages, 0, segmentable);
    }
    if (segmentable < total) this.#sendSingly(first, count, segmentable, total);
  }

  /** Sends datagrams that stand in the arena from its start on, one by one, to some members. */
  #sendSingly(first: number, count: number, from: number, to: number): void {
    let offset = 0;
    for (let index = first; index < first + count; index++) {
      const length = (this.#packets[index] as Uint8Array).byteLength;
      this.#first = index;
      this.#count = 1;
      this.#aim(offset, length);
      this.#kernel.send(this, this.#table.singleMessages, from, to);
      offset += length;
    }
  }

  #aimAtSegments(first: number, count: number): void {
    this.#first = first;
    this.#count = count;
    const size = this.segmentBytes();
    const last = (this.#packets[first + count - 1] as Uint8Array).byteLength;
    this.#aim(0, size * (count - 1) + last);
    this.#kernel.calls.memory.groupControl.words[LAYOUT.controlData / 4] = size;
  }

  /** Lets the one piece of all messages be these bytes of the arena. */
  #aim(offset: number, length: number): void {
    const { words } = this.#kernel.calls.memory.groupPiece;
    words[0] = this.#arenaLow + offset;
    words[2] = length;
  }
}
