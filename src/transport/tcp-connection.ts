import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { assert, type Cancel, type Clock, LIMITS, MeanderError } from "../base/index.ts";
import type { Connection, ConnectionEnd } from "../stack/index.ts";
import { formatAddress } from "./address.ts";
import { Ending } from "./ending.ts";
import type { NativeStreams } from "./native/native-streams.ts";
import type { StreamReading } from "./native/stream-reads.ts";
import { PacketStreamReader } from "./packet-stream-reader.ts";
import { StreamBacklog } from "./stream-backlog.ts";
import { malformedEnd, streamEndOf } from "./stream-end.ts";

/** Packets over a byte stream, concatenated without separators. */
export class TcpConnection implements Connection {
  readonly stack = "tcp";
  readonly peer: string;
  readonly reliable = true;
  readonly coalesces = true;
  readonly maxBytes = LIMITS.batchBytesMax;
  readonly #socket: Duplex;
  /** Of sockets that can be written to past their stream. */
  readonly #descriptor: number | undefined;
  readonly #clock: Clock;
  readonly #ending = new Ending();
  readonly #backlog: StreamBacklog;
  readonly #native: NativeStreams | undefined;
  #reading: StreamReading | undefined;
  /** Gets what is read; undefined before there is a handler. */
  #take: ((piece: Uint8Array) => void) | undefined;
  #malformed = 0;
  #cancelCut: Cancel = () => {};

  /**
   * @param socket owned by the connection from now on; must not be read or written elsewhere
   * @param head bytes after the upgrade that were already read
   */
  constructor(
    socket: Duplex,
    head: Uint8Array,
    options: {
      readonly clock: Clock;
      readonly peer: string;
      readonly native?: NativeStreams | undefined;
    },
  ) {
    this.peer = options.peer;
    this.#socket = socket;
    this.#native = options.native;
    this.#descriptor = options.native?.writes.descriptorOf(socket);
    this.#clock = options.clock;
    this.#backlog = new StreamBacklog(options.clock, () => socket.writableLength);
    if (socket instanceof Socket) socket.setNoDelay(true);
    // Not read before there is a handler: the kernel bounds what waits, and nothing is lost.
    if (head.byteLength > 0) socket.unshift(head);
    socket.on("error", (error) => this.#ending.end(streamEndOf(error, this.peer)));
    socket.on("close", () => {
      this.#cancelCut();
      this.#ending.end(this.#reset("the connection was cut"));
    });
  }

  get closed(): Promise<ConnectionEnd> {
    return this.#ending.closed;
  }

  get malformed(): number {
    return this.#malformed;
  }

  send(packets: Uint8Array): boolean {
    const socket = this.#socket;
    // Neither when it has ended.
    if (!socket.writable || packets.byteLength > this.maxBytes) return false;
    let rest = packets;
    if (this.#descriptor !== undefined && socket.writableLength === 0) {
      const taken = this.#native?.writes.send(this.#descriptor, packets) ?? 0;
      if (taken === packets.byteLength) return true;
      // What the kernel did not take it will not take from the stream either: that waits, or ends with the error.
      if (taken > 0) rest = packets.subarray(taken);
    } else if (!this.#backlog.hasRoomFor(packets.byteLength)) return false;
    socket.write(rest);
    this.#backlog.wrote(rest.byteLength);
    return true;
  }

  onPackets(handler: (bytes: Uint8Array) => void): void {
    assert(this.#socket.listenerCount("data") === 0, "a connection has one handler, set once");
    const reader = new PacketStreamReader((bytes) => {
      if (!this.#ending.hasEnded) handler(bytes);
    });
    const take = (piece: Uint8Array): void => {
      if (this.#ending.hasEnded || reader.push(piece)) return;
      this.#malformed++;
      this.#ending.end(malformedEnd(this.peer, "the peer sent bytes that are not a packet"));
      this.#socket.destroy();
    };
    this.#take = take;
    this.#socket.on("data", take);
    this.#socket.on("end", () => {
      this.#ending.end(reader.isAtBoundary ? undefined : this.#reset("the last packet was cut"));
      this.#finish();
    });
  }

  relax(): void {
    if (this.#ending.hasEnded || this.#reading !== undefined || this.#take === undefined) return;
    this.#reading = this.#native?.reads.take(this.#socket, this.#take);
  }

  backlog(): { readonly bytes: number; readonly oldestMs: number } {
    return this.#backlog.report();
  }

  close(): void {
    if (!this.#ending.end(undefined)) return;
    // Reads on, into nothing, to see the peer's end.
    this.#reading?.handBack();
    this.#socket.resume();
    this.#finish();
  }

  /** Ends our side; what was sent before has `LIMITS.closeMsMax` to go out. */
  #finish(): void {
    this.#socket.end();
    if (this.#socket.destroyed) return;
    this.#cancelCut();
    this.#cancelCut = this.#clock.after("cut a closed TCP connection", LIMITS.closeMsMax, () =>
      this.#socket.destroy(),
    );
  }

  #reset(what: string): MeanderError {
    return new MeanderError("connection-reset", what, { where: this.peer });
  }
}

/** The remote end of a socket as text, or `unknown` when it is closed already or not a socket. */
export function peerOf(socket: Duplex): string {
  if (!(socket instanceof Socket) || socket.remoteAddress === undefined) return "unknown";
  return formatAddress(socket.remoteAddress, socket.remotePort ?? 0);
}
