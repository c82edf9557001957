import { RemoteEntry } from "../remote-entry.ts";
import { SOCKET } from "./constants.ts";
import { ADDRESS_WORDS, decodeHost, encodeSocketAddress, portOf } from "./socket-address.ts";

/** Known remotes by their address as it lies in memory: no string is made to find one. */
export class RawRemotes {
  /** Where keys of two addresses are the same, one stands behind the other. */
  readonly #byKey = new Map<number, RemoteEntry[]>();
  /** The remote found or made last: datagrams of one sender often follow each other. */
  #last: RemoteEntry | undefined;

  add(entry: RemoteEntry): void {
    this.#last = undefined;
    const words = addressOf(entry);
    const key = keyOf(words, 0);
    const same = this.#byKey.get(key);
    if (same === undefined) this.#byKey.set(key, [entry]);
    else same.push(entry);
  }

  delete(entry: RemoteEntry): void {
    this.#last = undefined;
    const key = keyOf(addressOf(entry), 0);
    const others = (this.#byKey.get(key) ?? []).filter((each) => each !== entry);
    if (others.length === 0) this.#byKey.delete(key);
    else this.#byKey.set(key, others);
  }

  /** The remote whose address is at index `at`, in words. */
  find(words: Uint32Array, at: number): RemoteEntry | undefined {
    const same = this.#byKey.get(keyOf(words, at));
    if (same === undefined) return undefined;
    for (const entry of same) if (hasAddress(entry, words, at)) return entry;
    return undefined;
  }

  /** The same, or a new one that is not retained. */
  findOrMake(words: Uint32Array, at: number): RemoteEntry {
    if (this.#last !== undefined && hasAddress(this.#last, words, at)) return this.#last;
    const found = this.find(words, at) ?? makeEntry(words, at);
    this.#last = found;
    return found;
  }
}

/** The address of a remote as the kernel takes it, made when it is first needed. */
export function addressOf(entry: RemoteEntry): Uint32Array {
  entry.address ??= encodeSocketAddress(entry.host, entry.port);
  return entry.address;
}

/** Whether the address at `at` is that of `entry`. */
export function hasAddress(entry: RemoteEntry, words: Uint32Array, at: number): boolean {
  const address = addressOf(entry);
  if (address[0] !== words[at]) return false;
  if (((address[0] as number) & 0xffff) === SOCKET.afInet) return address[1] === words[at + 1];
  // Not the flow label, which is the sender's own.
  for (let word = 2; word < ADDRESS_WORDS; word++) {
    if (address[word] !== words[at + word]) return false;
  }
  return true;
}

function makeEntry(words: Uint32Array, at: number): RemoteEntry {
  const entry = new RemoteEntry(decodeHost(words, at), portOf(words[at] as number));
  entry.address = words.slice(at, at + ADDRESS_WORDS);
  return entry;
}

/** 48 bits: IPv4 address and port exactly, IPv6 address mixed into as many. */
function keyOf(words: Uint32Array, at: number): number {
  const first = words[at] as number;
  const port = first >>> 16;
  if ((first & 0xffff) === SOCKET.afInet) return (words[at + 1] as number) * 65_536 + port;
  let mixed = 0;
  for (let word = 2; word < 6; word++) {
    mixed = Math.imul(mixed ^ (words[at + word] as number), 0x9e37_79b1);
    mixed ^= mixed >>> 15;
  }
  return (mixed >>> 0) * 65_536 + port;
}
