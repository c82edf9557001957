import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { type Clock, Counters, LIMITS, type Log, MeanderError, messageOf } from "../base/index.ts";
import { type Connection, isGreeting, type Listener, type Transport } from "../stack/index.ts";
import { KIND, kindOf, lengthOf, payloadOf } from "../wire/index.ts";
import { canonicalHost, familyOf, formatAddress, parseAddress } from "./address.ts";
import { RemoteTable } from "./remote-table.ts";
import { UdpConnection } from "./udp-connection.ts";
import { plain, wholePacketsEnd } from "./whole-packets.ts";

/** Where and for whom a UDP socket is opened. */
export interface UdpOptions {
  /** IP address to bind, `127.0.0.1` or `::1`; its family is that of all peers. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Called for each unknown remote whose first packet is a hello, or a greeting of `crypt`. Absent: nobody is accepted. */
  readonly accept?: ((connection: Connection) => void) | undefined;
  /** Most accepted connections at once; default `LIMITS.udpAcceptedMax`. */
  readonly acceptedMax?: number | undefined;
}

/** First byte of the payload of a control packet that is a hello. docs/spec/wire.md [W21] */
const HELLO = 1;

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
 * UDP over one socket: connections are told apart by the remote's address. A connection has no handshake, and its peer
 * does not learn of its end.
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
  readonly counts = new Counters();
  readonly #socket: Socket;
  readonly #family: 4 | 6;
  readonly #options: UdpOptions;
  readonly #remotes = new RemoteTable<UdpConnection>();
  #acceptedCount = 0;
  #isClosed = false;

  /**
   * Binds a socket.
   *
   * @throws {MeanderError} `port-in-use`, `address-invalid`, `bind-failed`
   */
  static async open(options: UdpOptions): Promise<UdpTransport> {
    const { host, port, log } = options;
    const family = familyOf(host);
    if (family === undefined) {
      const expected = "an IP address such as 127.0.0.1";
      throw new MeanderError("address-invalid", "not an IP address", { where: host, expected });
    }
    const socket = createSocket({
      type: family === 4 ? "udp4" : "udp6",
      // Addresses are literals by now; without this every packet would wait for a resolver that answers later.
      lookup: (literal, _options, answer) => answer(null, literal, family),
    });
    try {
      const listening = once(socket, "listening");
      socket.bind(port, host);
      await listening;
    } catch (cause) {
      socket.close();
      throw bindError(cause, formatAddress(host, port));
    }
    enlargeBuffers(socket, log);
    return new UdpTransport(socket, family, options);
  }

  /** Use {@link UdpTransport.open}. */
  private constructor(socket: Socket, family: 4 | 6, options: UdpOptions) {
    const { address, port } = socket.address();
    this.address = formatAddress(address, port);
    this.port = port;
    this.#socket = socket;
    this.#family = family;
    this.#options = options;
    socket.on("message", (bytes, remote) => this.#receive(plain(bytes), remote));
    socket.on("error", (error) => this.#countError(error));
  }

  /** Connections now. */
  get connectionCount(): number {
    return this.#remotes.count;
  }

  /**
   * Connects to `host:port`; nothing is sent. Names are resolved here, once.
   *
   * @throws {MeanderError} `address-invalid`, `transport-closed`; `connection-exists` when there is a connection with
   *   that remote already, opened from either side: one socket can tell only one apart
   */
  async connect(address: string): Promise<Connection> {
    const { host, port } = parseAddress(address);
    const literal = await this.#resolve(host, address);
    if (this.#isClosed) {
      throw new MeanderError("transport-closed", "the socket is closed", { where: this.address });
    }
    if (this.#remotes.get(literal, port) !== undefined) {
      throw new MeanderError("connection-exists", "there is a connection already", {
        where: address,
        next: "use that one, or close it first",
      });
    }
    return this.#add(literal, port, () => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const connection of this.#remotes.values()) connection.close();
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }

  async #resolve(host: string, address: string): Promise<string> {
    const family = this.#family;
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

  #add(host: string, port: number, onRemoved: () => void): UdpConnection {
    const connection = new UdpConnection({
      peer: formatAddress(host, port),
      send: (packet) => this.#send(packet, port, host),
      onClose: () => {
        this.#remotes.delete(host, port);
        onRemoved();
      },
    });
    this.#remotes.set(host, port, connection);
    return connection;
  }

  #send(packet: Uint8Array, port: number, host: string): boolean {
    if (this.#isClosed) return false;
    if (this.#socket.getSendQueueSize() + packet.byteLength > LIMITS.udpBufferBytes) {
      this.counts.add("send-queue-full");
      return false;
    }
    // One function for all packets: without any, Node keeps the errors of sends to itself.
    this.#socket.send(packet, port, host, this.#afterSend);
    return true;
  }

  readonly #afterSend = (error: Error | null): void => {
    if (error !== null) this.#countError(error);
  };

  #receive(bytes: Uint8Array, { address, port }: RemoteInfo): void {
    const end = wholePacketsEnd(bytes);
    const isSound = end === bytes.byteLength && end > 0;
    if (!isSound) this.counts.add("malformed");
    const connection = this.#remotes.get(address, port);
    if (connection !== undefined) connection.receive(bytes, end);
    else if (isSound) this.#receiveFromUnknown(bytes, address, port);
  }

  #receiveFromUnknown(bytes: Uint8Array, host: string, port: number): void {
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
    const connection = this.#add(host, port, () => void this.#acceptedCount--);
    accept(connection);
    connection.receive(bytes, bytes.byteLength);
  }

  #countError(error: Error): void {
    const code = "code" in error && typeof error.code === "string" ? error.code : "";
    this.counts.add(`error-${ERROR_CODES.has(code) ? code : "other"}`);
    this.#options.log.debug("A UDP socket reported an error.", { code, message: error.message });
  }
}

/** [T22] A hello, or the greeting of a private connection, which comes before the hello. */
function startsWithGreeting(bytes: Uint8Array): boolean {
  const first = bytes.subarray(0, lengthOf(bytes));
  if (kindOf(first) === KIND.sealed) return isGreeting(first);
  return kindOf(first) === KIND.control && payloadOf(first)[0] === HELLO;
}

/** Best effort: kernels give less than asked, and some refuse. */
function enlargeBuffers(socket: Socket, log: Log): void {
  try {
    socket.setRecvBufferSize(LIMITS.udpBufferBytes);
    socket.setSendBufferSize(LIMITS.udpBufferBytes);
  } catch (thrown) {
    log.debug("The kernel refused large UDP buffers.", { message: messageOf(thrown) });
  }
}

function bindError(cause: unknown, where: string): MeanderError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EADDRINUSE") {
    const next = "choose another port, or stop the program that holds it";
    return new MeanderError("port-in-use", "the UDP port is in use", { where, next, cause });
  }
  return new MeanderError("bind-failed", messageOf(cause), { where, cause });
}
