import { LIMITS } from "../../base/index.ts";
import type { RemoteEntry } from "../remote-entry.ts";
import type { BatchMemory } from "./batch-memory.ts";
import { LAYOUT } from "./constants.ts";
import { countSegments } from "./count-segments.ts";
import type { KernelSender, Messages } from "./kernel-sender.ts";
import { addressOf } from "./raw-remotes.ts";

const MESSAGE_WORDS = LAYOUT.message / 4;
const NAME_WORDS = LAYOUT.address / 4;
const PIECE_WORDS = LAYOUT.iovec / 4;
const CONTROL_WORDS = LAYOUT.segmentControl / 4;

/** Sends what waits for single remotes: one call for many of them, one message for each segmented send. */
export class RemoteBatcher implements Messages {
  readonly #kernel: KernelSender;
  readonly #nameLength: number;
  readonly #memory: BatchMemory;
  readonly #arenaLow: number;
  /** For each message: whose it is, which of what waits for him, and where in the arena. */
  readonly #remotes: RemoteEntry[] = [];
  readonly #firsts = new Uint16Array(LIMITS.datagramBatchMax);
  readonly #counts = new Uint16Array(LIMITS.datagramBatchMax);
  readonly #offsets = new Uint32Array(LIMITS.datagramBatchMax);
  /** Messages filled in, and bytes of the arena taken. */
  #size = 0;
  #arenaEnd = 0;

  constructor(kernel: KernelSender, family: 4 | 6) {
    this.#kernel = kernel;
    this.#nameLength = family === 4 ? LAYOUT.ipv4Address : LAYOUT.ipv6Address;
    this.#memory = kernel.calls.memory;
    this.#arenaLow = this.#memory.arena.address % 2 ** 32;
  }

  /** Sends and forgets what waits for these. */
  flush(remotes: readonly RemoteEntry[]): void {
    for (const remote of remotes) {
      const { pending } = remote;
      let first = 0;
      while (first < pending.length) {
        const canSegment = this.#kernel.canSegment && remote.canSegment;
        const count = canSegment ? countSegments(pending, first) : 1;
        this.#add(remote, first, count);
        first += count;
      }
    }
    this.#sendAll();
    // Keeps the capacity of the lists, which setting their length would give up.
    for (const { pending } of remotes) while (pending.length > 0) pending.pop();
  }

  isSegmented(index: number): boolean {
    return (this.#counts[index] as number) > 1;
  }

  datagrams(index: number, count: number): number {
    let total = 0;
    for (let at = index; at < index + count; at++) total += this.#counts[at] as number;
    return total;
  }

  segments(index: number, count: number): number {
    let total = 0;
    for (let at = index; at < index + count; at++) {
      const datagrams = this.#counts[at] as number;
      if (datagrams > 1) total += datagrams;
    }
    return total;
  }

  segmentBytes(index: number): number {
    return this.#packet(index, 0).byteLength;
  }

  remote(index: number): RemoteEntry {
    return this.#remotes[index] as RemoteEntry;
  }

  /** Senders to one remote learn of failures by the socket's counts. */
  onMissed(): undefined {
    return undefined;
  }

  packets(index: number): readonly Uint8Array[] {
    const first = this.#firsts[index] as number;
    return this.remote(index).pending.slice(first, first + (this.#counts[index] as number));
  }

  sendApart(index: number): void {
    const first = this.#firsts[index] as number;
    const end = first + (this.#counts[index] as number);
    let offset = this.#offsets[index] as number;
    for (let at = first; at < end; at++) {
      this.#aim(index, this.remote(index), at, 1, offset);
      this.#kernel.send(this, this.#memory.messages.address, index, index + 1);
      offset += this.#packet(index, 0).byteLength;
    }
  }

  #packet(index: number, at: number): Uint8Array {
    return this.remote(index).pending[(this.#firsts[index] as number) + at] as Uint8Array;
  }

  #add(remote: RemoteEntry, first: number, count: number): void {
    if (this.#repeats(remote, first, count)) {
      this.#aim(this.#size, remote, first, count, this.#offsets[this.#size - 1] as number);
      this.#size++;
      return;
    }
    let bytes = 0;
    for (let at = first; at < first + count; at++) bytes += packetAt(remote, at).byteLength;
    const { arena } = this.#memory;
    const isFull = this.#arenaEnd + bytes > arena.bytes.byteLength;
    if (isFull || this.#size === LIMITS.datagramBatchMax) this.#sendAll();
    const offset = this.#arenaEnd;
    for (let at = first; at < first + count; at++) {
      const packet = packetAt(remote, at);
      arena.bytes.set(packet, this.#arenaEnd);
      this.#arenaEnd += packet.byteLength;
    }
    this.#aim(this.#size, remote, first, count, offset);
    this.#size++;
  }

  /** Whether the message before is the same datagrams for another remote: they are in the arena then. */
  #repeats(remote: RemoteEntry, first: number, count: number): boolean {
    const before = this.#size - 1;
    if (before < 0 || this.#size === LIMITS.datagramBatchMax) return false;
    if (this.#counts[before] !== count) return false;
    for (let at = 0; at < count; at++) {
      if (this.#packet(before, at) !== remote.pending[first + at]) return false;
    }
    return true;
  }

  /** Fills in a message: consecutive datagrams in the arena. */
  #aim(index: number, remote: RemoteEntry, first: number, count: number, offset: number): void {
    const { controls, messages, names, pieces } = this.#memory;
    this.#remotes[index] = remote;
    this.#firsts[index] = first;
    this.#counts[index] = count;
    this.#offsets[index] = offset;
    const size = packetAt(remote, first).byteLength;
    const length =
      count === 1 ? size : size * (count - 1) + packetAt(remote, first + count - 1).byteLength;
    const address = addressOf(remote);
    const name = index * NAME_WORDS;
    for (let word = 0; word < this.#nameLength / 4; word++) {
      names.words[name + word] = address[word] as number;
    }
    const message = index * MESSAGE_WORDS;
    messages.words[message + LAYOUT.nameLength / 4] = this.#nameLength;
    messages.words[message + LAYOUT.controlLength / 4] = count > 1 ? LAYOUT.segmentControl : 0;
    pieces.words[index * PIECE_WORDS] = this.#arenaLow + offset;
    pieces.words[index * PIECE_WORDS + 2] = length;
    controls.words[index * CONTROL_WORDS + LAYOUT.controlData / 4] = size;
  }

  #sendAll(): void {
    if (this.#size === 0) return;
    this.#kernel.send(this, this.#memory.messages.address, 0, this.#size);
    this.#size = 0;
    this.#arenaEnd = 0;
  }
}

function packetAt(remote: RemoteEntry, at: number): Uint8Array {
  return remote.pending[at] as Uint8Array;
}
