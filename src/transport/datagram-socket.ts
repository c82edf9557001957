import type { RemoteInfo, Socket } from "node:dgram";
import { once } from "node:events";
import { assert, type Clock, Counters, type Log, MeanderError } from "../base/index.ts";
import { canonicalHost, familyOf } from "./address.ts";
import { bindSocket } from "./datagram-binding.ts";
import type { DatagramSender } from "./datagram-sender.ts";
import type {
  BatchFigures,
  DatagramGroup,
  DatagramSocket,
  MulticastControls,
  Remote,
} from "./datagrams.ts";
import type { NativeCalls } from "./native/native-calls.ts";
import { PlainSender } from "./plain-sender.ts";
import { RemoteEntry } from "./remote-entry.ts";
import { RemoteGroup } from "./remote-group.ts";
import { RemoteTable } from "./remote-table.ts";
import { plain } from "./whole-packets.ts";

/** Where a datagram socket is opened, and by what means it sends and receives. */
export interface DatagramSocketOptions {
  /** IP address to bind, `127.0.0.1` or `::1`; its family is that of all remotes. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
  /** What batches need; without it, datagrams pass one by one. */
  readonly native?: NativeCalls | undefined;
  /** Why there is none, for the figures. */
  readonly nativeAbsence?: string | undefined;
  /** Other sockets may have the port as well, as receivers of multicast do. Default false. */
  readonly reuseAddress?: boolean | undefined;
  /** Not shared with other processes of a cluster. Default false. */
  readonly exclusive?: boolean | undefined;
  /**
   * The kernel may join datagrams of one sender: `bytes` of a handler are then one or several of them, one behind the
   * other. For datagrams that tell their own length. Default false.
   */
  readonly coalesced?: boolean | undefined;
}

/** Errors a socket reports, as names of counts; others count as `error-other`. */
const ERROR_CODES: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EMSGSIZE",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "EACCES",
  "EPERM",
  "EINVAL",
  "ENOBUFS",
]);

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
  #sender: DatagramSender;
  readonly #absence: string;
  #handler: ((bytes: Uint8Array, from: Remote) => void) | undefined;
  #isClosed = false;

  constructor(socket: Socket, options: DatagramSocketOptions) {
    const { address, family, port } = socket.address();
    this.host = address;
    this.port = port;
    this.family = family === "IPv6" ? 6 : 4;
    this.#socket = socket;
    this.#log = options.log;
    this.#absence = options.nativeAbsence ?? "switched-off";
    this.#sender = new PlainSender(socket, this.counts, (error) => this.#countError(error));
    socket.on("message", (bytes, from) => this.#receive(plain(bytes), from));
    socket.on("error", (error) => this.#countError(error));
  }

  get figures(): BatchFigures {
    const none = { sendCalls: 0, sent: 0, segments: 0, receiveCalls: 0, received: 0 };
    return { mode: "plain", reason: this.#absence, ...none };
  }

  get multicast(): MulticastControls {
    return this.#socket;
  }

  onDatagram(handler: (bytes: Uint8Array, from: Remote) => void): void {
    assert(this.#handler === undefined, "a socket has one handler for its datagrams, set once");
    this.#handler = handler;
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
    }
    entry.uses++;
    return entry;
  }

  release(remote: Remote): void {
    const { host, port } = remote;
    const entry = this.#remotes.get(host, port);
    if (entry !== remote || --entry.uses > 0) return;
    this.#remotes.delete(host, port);
  }

  send(bytes: Uint8Array, to: Remote): boolean {
    assert(to instanceof RemoteEntry, "a remote is one of this socket");
    return this.#sender.send(bytes, to);
  }

  openGroup(): DatagramGroup {
    return new RemoteGroup(() => this.#sender);
  }

  flush(): void {
    this.#sender.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.flush();
    this.#isClosed = true;
    this.#sender = CLOSED;
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }

  #receive(bytes: Uint8Array, { address, port }: RemoteInfo): void {
    const from = this.#remotes.get(address, port) ?? new RemoteEntry(address, port);
    this.#handler?.(bytes, from);
  }

  #countError(error: Error): void {
    const code = "code" in error && typeof error.code === "string" ? error.code : "";
    this.counts.add(`error-${ERROR_CODES.has(code) ? code : "other"}`);
    this.#log.debug("A UDP socket reported an error.", { code, message: error.message });
  }
}
