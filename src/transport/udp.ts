import { lookup } from "node:dns/promises";
import { type Clock, type Counters, LIMITS, type Log, MeanderError } from "../base/index.ts";
import { type Connection, isCryptHello, type Listener, type Transport } from "../stack/index.ts";
import { KIND, kindOf, lengthOf, payloadOf } from "../wire/index.ts";
import { canonicalHost, familyOf, formatAddress, parseAddress } from "./address.ts";
import { type DatagramRuntime, openDatagramSocket } from "./datagram-socket.ts";
import type { DatagramSocket, DatagramStats, Remote } from "./datagrams.ts";
import { UdpConnection } from "./udp-connection.ts";
import { wholePacketsEnd } from "./whole-packets.ts";

/** Where and for whom a UDP socket is opened. */
export interface UdpOptions extends DatagramRuntime {
  /** IP address to bind, `127.0.0.1` or `::1`; its family is that of all peers. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Called for each unknown remote whose first packet is a hello, or a hello of `crypt`. Absent: none is accepted. */
  readonly accept?: ((connection: Connection) => void) | undefined;
  /** Most accepted connections at once; default `LIMITS.udpAcceptedMax`. */
  readonly acceptedMax?: number | undefined;
}

/** First byte of the payload of a control packet that is a hello. docs/spec/wire.md [W21] */
const HELLO = 1;

/**
 * UDP over one socket: connections are distinguished by the remote's address. A connection has no handshake, and its
 * peer does not learn of its end.
 */
export class UdpTransport implements Transport, Listener {
  readonly name = "udp";
  /** `host:port` as bound. */
  readonly address: string;
  /** As bound, 1..65535. */
  readonly port: number;
  /**
   * Datagrams dropped and errors, by reason: `malformed`, `remote-unknown`, `accept-full`, `send-queue-full`,
   * `error-…`.
   */
  readonly counts: Counters;
  readonly #socket: DatagramSocket;
  readonly #options: UdpOptions;
  readonly #connections = new Map<Remote, UdpConnection>();
  #acceptedCount = 0;
  #isClosed = false;

  /**
   * Binds a socket.
   *
   * @throws {MeanderError} `port-in-use`, `address-invalid`, `bind-failed`
   */
  static async open(options: UdpOptions): Promise<UdpTransport> {
    // Packets carry their own length, so the kernel may join datagrams.
    return new UdpTransport(await openDatagramSocket({ ...options, coalesced: true }), options);
  }

  /** Use {@link UdpTransport.open}. */
  private constructor(socket: DatagramSocket, options: UdpOptions) {
    this.address = formatAddress(socket.host, socket.port);
    this.port = socket.port;
    this.counts = socket.counts;
    this.#socket = socket;
    this.#options = options;
    socket.onDatagram((bytes, from) => this.#receive(bytes, from));
  }

  /** Connections now. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** How its datagrams pass the kernel. */
  get stats(): DatagramStats {
    return this.#socket.stats;
  }

  /**
   * Connects to `host:port`; nothing is sent. Names are resolved here, once.
   *
   * @param stack the name of the connection's stack
   * @throws {MeanderError} `address-invalid`, `transport-closed`; `connection-exists` when there is a connection with
   *   that remote already, opened from either side: one socket has one connection per remote
   */
  async connect(address: string, stack?: string): Promise<Connection> {
    const { host, port } = parseAddress(address);
    const literal = await this.#resolve(host, address);
    if (this.#isClosed) {
      throw new MeanderError("transport-closed", "the socket is closed", { where: this.address });
    }
    const remote = this.#socket.remote(literal, port);
    if (this.#connections.has(remote)) {
      this.#socket.release(remote);
      throw new MeanderError("connection-exists", "there is a connection already", {
        where: address,
        next: "use that one, or close it first",
      });
    }
    return this.#add(remote, () => {}, stack);
  }

  /** Passes on to the kernel what was sent in this turn, now. */
  flush(): void {
    this.#socket.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const connection of [...this.#connections.values()]) connection.close();
    await this.#socket[Symbol.asyncDispose]();
  }

  async #resolve(host: string, address: string): Promise<string> {
    const { family } = this.#socket;
    const wrongFamily = (cause?: unknown): MeanderError =>
      new MeanderError("address-invalid", `no IPv${family} address`, {
        where: address,
        expected: `one that a socket bound to ${this.address} can reach`,
        cause,
      });
    const literalFamily = familyOf(host);
    if (literalFamily === family) return canonicalHost(host);
    if (literalFamily !== undefined) throw wrongFamily();
    try {
      return (await lookup(host, { family })).address;
    } catch (cause) {
      throw wrongFamily(cause);
    }
  }

  /** @param remote asked for once for the connection, which releases it */
  #add(remote: Remote, onRemoved: () => void, stack?: string): UdpConnection {
    const connection = new UdpConnection({
      stack,
      peer: formatAddress(remote.host, remote.port),
      send: (packet) => this.#socket.send(packet, remote),
      onClose: () => {
        this.#connections.delete(remote);
        this.#socket.release(remote);
        onRemoved();
      },
    });
    this.#connections.set(remote, connection);
    return connection;
  }

  #receive(bytes: Uint8Array, from: Remote): void {
    const end = wholePacketsEnd(bytes);
    const isSound = end === bytes.byteLength && end > 0;
    if (!isSound) this.counts.add("malformed");
    const connection = this.#connections.get(from);
    if (connection !== undefined) connection.receive(this.#socket.keep(bytes), end);
    else if (isSound) this.#receiveFromUnknown(bytes, from);
  }

  #receiveFromUnknown(bytes: Uint8Array, { host, port }: Remote): void {
    const { accept, acceptedMax = LIMITS.udpAcceptedMax } = this.#options;
    // Nothing can be sent to port 0, though a forged datagram may come from there.
    if (accept === undefined || port === 0 || !startsWithGreeting(bytes)) {
      this.counts.add("remote-unknown");
      return;
    }
    if (this.#acceptedCount >= acceptedMax) {
      this.counts.add("accept-full");
      return;
    }
    this.#acceptedCount++;
    const connection = this.#add(this.#socket.remote(host, port), () => void this.#acceptedCount--);
    accept(connection);
    connection.receive(this.#socket.keep(bytes), bytes.byteLength);
  }
}

/** [T22] A hello, or the hello of a private connection, which comes before the hello. */
function startsWithGreeting(bytes: Uint8Array): boolean {
  const first = bytes.subarray(0, lengthOf(bytes));
  if (kindOf(first) === KIND.sealed) return isCryptHello(first);
  return kindOf(first) === KIND.control && payloadOf(first)[0] === HELLO;
}
