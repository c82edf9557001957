import assert from "node:assert/strict";
import { Arrivals, datagramOf, opener } from "../datagrams.conformance.ts";
import type { DatagramGroup, DatagramSocket, Remote } from "../datagrams.ts";
import { LAYOUT } from "./constants.ts";
import type { NativeCalls } from "./native-calls.ts";

/** Calls of which some fail; those that are not given are the real ones. */
export function faulty(calls: NativeCalls, faults: Partial<NativeCalls>): NativeCalls {
  return { ...calls, ...faults };
}

/** Reads messages out of memory, for faults that befall some of them only. */
export class Peek {
  readonly #blocks: { readonly address: number; readonly bytes: Uint8Array }[] = [];
  readonly calls: NativeCalls;

  constructor(calls: NativeCalls) {
    const { messages, names } = calls.memory;
    this.#blocks.push(messages, names);
    this.calls = faulty(calls, {
      addressOf: (bytes) => {
        const address = calls.addressOf(bytes);
        this.#blocks.push({ address, bytes });
        return address;
      },
    });
  }

  /** Whether the message is a segmented send. */
  isSegmented(header: number): boolean {
    return this.#at(header).getUint32(LAYOUT.controlLength, true) > 0;
  }

  /** Where it goes to. */
  port(header: number): number {
    return this.#at(Number(this.#at(header).getBigUint64(0, true))).getUint16(2);
  }

  #at(address: number): DataView {
    const block = this.#blocks.findLast(
      (each) => address >= each.address && address < each.address + each.bytes.byteLength,
    );
    assert(block !== undefined, "the address is of memory that was made known");
    return new DataView(block.bytes.buffer, address - block.address);
  }
}

/** A sender and its receivers. */
export interface World extends AsyncDisposable {
  readonly sender: DatagramSocket;
  readonly arrivals: readonly Arrivals[];
  readonly remotes: readonly Remote[];
  readonly group: DatagramGroup;
  /** For each receiver, what the group said did not leave. */
  readonly missed: readonly string[][];
}

/** A sender with these calls, receivers without any, and a group of the latter. */
export async function worldOf(native: NativeCalls, count: number): Promise<World> {
  const sender = await opener({ native })();
  const receivers = await Promise.all(Array.from({ length: count }, () => opener({})()));
  const arrivals = receivers.map((each) => new Arrivals(each));
  const remotes = receivers.map(({ host, port }) => sender.remote(host, port));
  const group = sender.openGroup();
  const missed = receivers.map((): string[] => []);
  for (const [index, remote] of remotes.entries()) {
    group.add(remote, (reason) => missed[index]?.push(reason));
  }
  const close = async (): Promise<void> => {
    for (const each of [sender, ...receivers]) await each[Symbol.asyncDispose]();
  };
  return { sender, arrivals, remotes, group, missed, [Symbol.asyncDispose]: close };
}

/** Ten datagrams to each receiver, by the group and one by one: all must arrive, in order. */
export async function checkAllArrive({ arrivals, group, remotes, sender }: World): Promise<void> {
  const before = arrivals.map(({ datagrams }) => datagrams.length);
  const bytes = Array.from({ length: 10 }, (_, at) => datagramOf(1_200, at));
  for (const each of bytes) group.send(each);
  sender.flush();
  group.close();
  for (const remote of remotes) for (const each of bytes) sender.send(each, remote);
  for (const remote of remotes) group.add(remote);
  sender.flush();
  for (const [index, each] of arrivals.entries()) {
    const old = before[index] as number;
    const datagrams = await each.reach(old + 20);
    assert.deepEqual(datagrams.slice(old), [...bytes, ...bytes]);
  }
}
