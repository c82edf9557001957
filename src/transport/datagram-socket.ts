import type { RemoteInfo, Socket } from "node:dgram";
import { once } from "node:events";
import { assert, type Clock, Counters, type Log, MeanderError } from "../base/index.ts";
import { canonicalHost, familyOf } from "./address.ts";
import { bindSocket } from "./datagram-binding.ts";
import type { DatagramSender } from "./datagram-sender.ts";
import { type DatagramTotals, zeroTotals } from "./datagram-totals.ts";
import type {
  DatagramGroup,
  DatagramSocket,
  DatagramStats,
  MulticastControls,
  Remote,
} from "./datagrams.ts";
import { type Batches, openBatches } from "./native/batches.ts";
import { ERRNO } from "./native/constants.ts";
import type { NativeCalls } from "./native/native-calls.ts";
import { PlainSender } from "./plain-sender.ts";
import { RemoteEntry } from "./remote-entry.ts";
import { type GroupHost, RemoteGroup } from "./remote-group.ts";
import { RemoteTable } from "./remote-table.ts";
import { plain } from "./whole-packets.ts";

/** What the datagram sockets of a thread share: native calls, and where they count. */
export interface DatagramRuntime {
  /** Needed for batches; without it, datagrams pass one by one. */
  readonly native?: NativeCalls | undefined;
  /** Why there are no native calls, for the stats. */
  readonly nativeAbsence?: string | undefined;
  /** Several sockets may count together. Absent: the socket counts alone. */
  readonly totals?: DatagramTotals | undefined;
}

/** Where and how a datagram socket is opened. */
export interface DatagramSocketOptions extends DatagramRuntime {
  /** IP address to bind, `127.0.0.1` or `::1`; its family is that of all remotes. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Other sockets may have the port as well, as receivers of multicast do. Default false. */
  readonly reuseAddress?: boolean | undefined;
  /** Not shared with other processes of a cluster. Default false. */
  readonly exclusive?: boolean | undefined;
  /**
   * The kernel may join datagrams of one sender: `bytes` of a handler are then one or several of them, concatenated.
   * For datagrams that carry their own length. Default false.
   */
  readonly coalesced?: boolean | undefined;
}

/**
 * Opens a UDP socket.
 *
 * @throws {MeanderError} `port-in-use`, `address-invalid`, `bind-failed`
 */
export async function openDatagramSocket(options: DatagramSocketOptions): Promise<DatagramSocket> {
  return new NodeDatagramSocket(await bindSocket(options), options);
}

/** Takes nothing. */
const CLOSED: DatagramSender = { send: () => false, sendToGroup() {}, flush() {} };

/** A socket of `node:dgram`, in batches where it can be. */
class NodeDatagramSocket implements DatagramSocket {
  readonly host: string;
  readonly port: number;
  readonly family: 4 | 6;
  readonly counts = new Counters();
  readonly #socket: Socket;
  readonly #log: Log;
  readonly #remotes = new RemoteTable<RemoteEntry>();
  readonly #totals: DatagramTotals;
  readonly #plain: PlainSender;
  readonly #groups: GroupHost & { sender: DatagramSender };
  readonly #scratch: ArrayBufferLike | undefined;
  #batches: Batches | undefined;
  #absence: string | undefined;
  #handler: (bytes: Uint8Array, from: Remote) => void = () => {};
  #hasHandler = false;
  #isClosed = false;

  constructor(socket: Socket, options: DatagramSocketOptions) {
    const { address, family, port } = socket.address();
    this.host = address;
    this.port = port;
    this.family = family === "IPv6" ? 6 : 4;
    this.#socket = socket;
    this.#log = options.log;
    this.#totals = options.totals ?? zeroTotals();
    this.#plain = new PlainSender(socket, {
      counts: this.counts,
      totals: this.#totals,
      onError: (error) => this.#failed(error),
    });
    this.#groups = {
      sender: this.#plain,
      sharedRemotes: 0,
      watchRefusals: () => this.#batches?.errors.turnOn(),
    };
    this.#scratch = options.native?.memory.slots.bytes.buffer;
    this.#openBatches(options);
    socket.on("message", (bytes, from) => this.#receive(plain(bytes), from));
    socket.on("error", (error) => this.#failed(error));
  }

  get stats(): DatagramStats {
    const mode = this.#batches === undefined ? "plain" : "batched";
    return { mode, reason: this.#absence, ...this.#totals };
  }

  get multicast(): MulticastControls {
    return this.#socket;
  }

  onDatagram(handler: (bytes: Uint8Array, from: Remote) => void): void {
    assert(!this.#hasHandler, "a socket has one handler for its datagrams, set once");
    this.#hasHandler = true;
    this.#handler = handler;
    this.#batches?.watch(handler);
  }

  keep(bytes: Uint8Array): Uint8Array {
    return bytes.buffer === this.#scratch ? bytes.slice() : bytes;
  }

  remote(host: string, port: number): Remote {
    const isPort = Number.isInteger(port) && port >= 1 && port <= 65_535;
    if (familyOf(host) !== this.family || !isPort) {
      throw new MeanderError("address-invalid", "this socket cannot reach it", {
        where: `${host}, port ${port}`,
        expected: `an IPv${this.family} address and a port from 1 to 65535`,
      });
    }
    const canonical = canonicalHost(host);
    let entry = this.#remotes.get(canonical, port);
    if (entry === undefined) {
      entry = new RemoteEntry(canonical, port);
      this.#remotes.set(canonical, port, entry);
      this.#batches?.remotes.add(entry);
    }
    entry.uses++;
    return entry;
  }

  release(remote: Remote): void {
    const entry = this.#remotes.get(remote.host, remote.port);
    if (entry === undefined || entry !== remote || --entry.uses > 0) return;
    this.#remotes.delete(entry.host, entry.port);
    this.#batches?.remotes.delete(entry);
  }

  send(bytes: Uint8Array, to: Remote): boolean {
    assert(to instanceof RemoteEntry, "a remote is one of this socket");
    return this.#groups.sender.send(bytes, to);
  }

  openGroup(): DatagramGroup {
    return new RemoteGroup(this.#groups);
  }

  flush(): void {
    this.#groups.sender.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.flush();
    this.#isClosed = true;
    this.#groups.sender = CLOSED;
    this.#batches?.close();
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }

  #openBatches({ coalesced = false, native, nativeAbsence }: DatagramSocketOptions): void {
    if (native === undefined) {
      this.#absence = nativeAbsence ?? "switched-off";
      return;
    }
    const opened = openBatches({
      calls: native,
      socket: this.#socket,
      family: this.family,
      plain: this.#plain,
      counts: this.counts,
      totals: this.#totals,
      host: this.#groups,
      coalesced,
      onForbidden: () => this.#goPlain(),
    });
    if (typeof opened === "string") {
      this.#absence = opened;
      return;
    }
    this.#batches = opened;
    this.#groups.sender = opened.sender;
  }

  /** From now on one by one; nothing waits in batches any more. */
  #goPlain(): void {
    const batches = this.#batches;
    if (batches === undefined || this.#isClosed) return;
    batches.sender.flush();
    batches.handBack();
    batches.close();
    batches.errors.turnOff();
    this.#batches = undefined;
    this.#absence = "kernel-refused";
    this.#groups.sender = this.#plain;
    this.#log.warn("The kernel allows no batches of datagrams; they pass one by one.");
  }

  #receive(bytes: Uint8Array, { address, port }: RemoteInfo): void {
    this.#handler(bytes, this.#remotes.get(address, port) ?? new RemoteEntry(address, port));
    this.#batches?.receiver.drain(this.#handler);
  }

  #failed(error: Error): void {
    const code = "code" in error && typeof error.code === "string" ? error.code : "";
    this.#log.debug("A UDP socket reported an error.", { code, message: error.message });
    // It may stand for reports that say more.
    if ((this.#batches?.sender.takeErrors() ?? 0) > 0) return;
    this.counts.add(`error-${code in ERRNO ? code : "other"}`);
  }
}
