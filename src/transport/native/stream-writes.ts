import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { LIMITS } from "../../base/index.ts";
import { setNotSentLowWater, tcpDescriptor } from "./descriptors.ts";
import type { NativeCalls } from "./native-calls.ts";

/** How bytes get into a stream, in order with whatever else is written to it. */
export interface StreamWriter {
  /** @param bytes retained and read; never modify them */
  write(bytes: Uint8Array): void;
}

/**
 * Writes to TCP sockets by one system call each, where the runtime's streams do the same at several times the cost. For
 * thousands of sockets that get the same buffer.
 */
export class StreamWrites {
  readonly #calls: NativeCalls;
  readonly #onFresh: () => void;
  /** What was written last, kept so that its address stays good. */
  #bytes: Uint8Array = new Uint8Array(0);
  #address = 0;

  /** @param onFresh something is sent that is not what was sent last */
  constructor(calls: NativeCalls, onFresh: () => void = () => {}) {
    this.#calls = calls;
    this.#onFresh = onFresh;
  }

  /**
   * The descriptor of a socket, whose kernel from now on accepts no more than `LIMITS.notSentBytesMax` ahead of what it
   * sends, so that the backlog of a slow peer shows in the stream. Undefined when it is not a connected plain TCP
   * socket.
   */
  descriptorOf(socket: Duplex): number | undefined {
    if (!(socket instanceof Socket) || socket instanceof TLSSocket) return undefined;
    const descriptor = tcpDescriptor(socket);
    // Kernels that do not know the option hold more.
    if (descriptor !== undefined) setNotSentLowWater(this.#calls, socket, LIMITS.notSentBytesMax);
    return descriptor;
  }

  /** A writer for a socket; undefined as above. */
  writerTo(socket: Duplex): StreamWriter | undefined {
    const descriptor = this.descriptorOf(socket);
    return descriptor === undefined ? undefined : new DirectWriter(this, socket, descriptor);
  }

  /**
   * How many bytes the kernel accepted, or a negated error number. Only while the socket's stream is writable and holds
   * nothing: a destroyed socket's descriptor may be another's.
   */
  send(descriptor: number, bytes: Uint8Array): number {
    if (bytes !== this.#bytes) {
      this.#address = this.#calls.addressOf(bytes);
      this.#bytes = bytes;
      this.#onFresh();
    }
    return this.#calls.send(descriptor, this.#address, bytes.byteLength);
  }
}

class DirectWriter implements StreamWriter {
  readonly #writes: StreamWrites;
  readonly #socket: Duplex;
  readonly #descriptor: number;

  constructor(writes: StreamWrites, socket: Duplex, descriptor: number) {
    this.#writes = writes;
    this.#socket = socket;
    this.#descriptor = descriptor;
  }

  write(bytes: Uint8Array): void {
    const socket = this.#socket;
    // What waits in the stream goes first.
    if (!socket.writable || socket.writableLength > 0) {
      socket.write(bytes);
      return;
    }
    const taken = this.#writes.send(this.#descriptor, bytes);
    if (taken === bytes.byteLength) return;
    // What the kernel did not take it will not take from the stream either: that waits, or ends with the error.
    socket.write(taken > 0 ? bytes.subarray(taken) : bytes);
  }
}
