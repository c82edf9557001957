import type { GroupMember } from "../remote-group.ts";
import { allocate, type Block, putAddress } from "./batch-memory.ts";
import { LAYOUT } from "./constants.ts";
import type { NativeCalls } from "./native-calls.ts";
import { addressOf } from "./raw-remotes.ts";

const CAPACITY_MIN = 16;
const NAME_WORDS = LAYOUT.address / 4;

/**
 * The members of a group as the kernel takes them: a message for each, filled in beforehand, all with the one piece and
 * the one control message that the thread's memory has for groups.
 */
export class GroupTable {
  /** The members in the order of their messages: first those that accept segmented sends. */
  order: readonly GroupMember[] = [];
  /** How many accept segmented sends. */
  segmentableCount = 0;
  readonly #calls: NativeCalls;
  readonly #nameLength: number;
  #capacity = 0;
  #names: Block;
  #single: Block;
  #segmented: Block | undefined;
  #isExpired = true;

  /** @param family of the socket */
  constructor(calls: NativeCalls, family: 4 | 6) {
    this.#calls = calls;
    this.#nameLength = family === 4 ? LAYOUT.ipv4Address : LAYOUT.ipv6Address;
    this.#names = allocate(calls.addressOf, LAYOUT.address);
    this.#single = this.#names;
  }

  /** Address of the messages that have one datagram each. */
  get singleMessages(): number {
    return this.#single.address;
  }

  /** Address of the messages with several segments each. */
  get segmentedMessages(): number {
    this.#segmented ??= this.#messages(true);
    return this.#segmented.address;
  }

  /** The members, or what they take, have changed. */
  expire(): void {
    this.#isExpired = true;
  }

  /** Brings it up to date. */
  renew(members: readonly GroupMember[]): void {
    if (!this.#isExpired) return;
    this.#isExpired = false;
    if (members.length > this.#capacity) this.#grow(members.length);
    const segmentable = members.filter(({ remote }) => remote.canSegment);
    this.segmentableCount = segmentable.length;
    this.order = [...segmentable, ...members.filter(({ remote }) => !remote.canSegment)];
    for (const [index, { remote }] of this.order.entries()) {
      this.#names.words.set(addressOf(remote), index * NAME_WORDS);
    }
  }

  #grow(count: number): void {
    this.#capacity = Math.max(CAPACITY_MIN, 2 ** Math.ceil(Math.log2(count)));
    this.#names = allocate(this.#calls.addressOf, this.#capacity * LAYOUT.address);
    this.#single = this.#messages(false);
    this.#segmented = undefined;
  }

  #messages(areSegmented: boolean): Block {
    const { addressOf: addressInMemory, memory } = this.#calls;
    const block = allocate(addressInMemory, this.#capacity * LAYOUT.message);
    for (let index = 0; index < this.#capacity; index++) {
      const at = index * LAYOUT.message;
      const name = this.#names.address + index * LAYOUT.address;
      putAddress(block.words, at + LAYOUT.name, name);
      putAddress(block.words, at + LAYOUT.pieces, memory.groupPiece.address);
      block.words[(at + LAYOUT.nameLength) / 4] = this.#nameLength;
      block.words[(at + LAYOUT.pieceCount) / 4] = 1;
      if (!areSegmented) continue;
      putAddress(block.words, at + LAYOUT.control, memory.groupControl.address);
      block.words[(at + LAYOUT.controlLength) / 4] = LAYOUT.segmentControl;
    }
    return block;
  }
}
