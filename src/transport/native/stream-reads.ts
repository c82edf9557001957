import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { type Cancel, type Clock, every, LIMITS } from "../../base/index.ts";
import { allocate, type Block } from "./batch-memory.ts";
import { ERRNO, errorName, POLL, POLL_EVENT } from "./constants.ts";
import { type ReadingHandle, readingHandle } from "./descriptors.ts";
import type { NativeCalls } from "./native-calls.ts";

/** Sockets looked at in one call. */
const EVENTS_MAX = 512;
/** Such calls in one turn; the remaining sockets are read in the next. */
const CALLS_MAX = 16;
/** Read from one socket at a time. */
const READ_BYTES = 16 * 1024;

/** A socket whose stream does not read. */
export interface StreamReading {
  /** Lets the stream read again. Idempotent. */
  handBack(): void;
}

/**
 * Reads from thousands of TCP sockets that send little and can wait: polls at intervals which of them are readable,
 * where the runtime's streams read each at once, at several times the cost. Ends and errors are left to the streams.
 */
export class StreamReads implements Disposable {
  readonly #calls: NativeCalls;
  readonly #clock: Clock;
  readonly #poll: number;
  readonly #events: Block;
  readonly #bytes: Block;
  readonly #readings = new Map<number, Reading>();
  #cancel: Cancel | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #isLookDue = false;

  constructor({ calls, clock }: { readonly calls: NativeCalls; readonly clock: Clock }) {
    const take = (byteLength: number): Block =>
      allocate((memory) => calls.addressOf(memory), byteLength);
    this.#calls = calls;
    this.#clock = clock;
    this.#poll = calls.openPoll();
    this.#events = take(EVENTS_MAX * POLL_EVENT.size);
    this.#bytes = take(READ_BYTES);
  }

  /** Sockets that are read here. */
  get count(): number {
    return this.#readings.size;
  }

  /**
   * Reads in place of a stream that flows to a handler of `data`, and hands on to the same. Undefined when it is not a
   * plain TCP socket, or the kernel refuses.
   *
   * @param onBytes receives the bytes and owns them; after the stream was handed back, the stream's handler receives
   *   them
   */
  take(socket: Duplex, onBytes: (bytes: Uint8Array) => void): StreamReading | undefined {
    if (!(socket instanceof Socket) || socket instanceof TLSSocket || this.#poll < 0)
      return undefined;
    const handle = readingHandle(socket);
    if (handle === undefined || socket.destroyed) return undefined;
    if (this.#calls.setPoll(this.#poll, handle.fd, true) < 0) return undefined;
    const reading = new Reading(socket, handle, onBytes, () => this.#leave(reading));
    this.#readings.set(handle.fd, reading);
    this.#cancel ??= every(this.#clock, "stream reads", LIMITS.patientReadMs, () =>
      this.#lookAfter(LIMITS.patientReadMs),
    );
    handle.readStop();
    return reading;
  }

  /** The thread is awake: a good time to look, when what runs now has ended. */
  suggest(): void {
    if (this.#readings.size === 0 || this.#isLookDue) return;
    this.#isLookDue = true;
    queueMicrotask(() => {
      this.#isLookDue = false;
      this.#lookAfter(LIMITS.eagerReadMs);
    });
  }

  /** Hands all back. */
  [Symbol.dispose](): void {
    for (const reading of [...this.#readings.values()]) reading.handBack();
    if (this.#poll >= 0) this.#calls.closeDescriptor(this.#poll);
  }

  #leave(reading: Reading): void {
    const { descriptor } = reading;
    // Its descriptor may be another's already, and a closed one has left the poll by itself.
    if (this.#readings.get(descriptor) !== reading) return;
    this.#readings.delete(descriptor);
    if (!reading.isClosed) this.#calls.setPoll(this.#poll, descriptor, false);
    if (this.#readings.size > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Looks, unless it did within this time. */
  #lookAfter(ms: number): void {
    const now = this.#clock.now();
    // A timer may come a little early.
    if (now - this.#lookedAt < ms - 5) return;
    this.#lookedAt = now;
    this.#look();
  }

  #look(): void {
    for (let call = 0; call < CALLS_MAX; call++) {
      const count = this.#calls.lookAtPoll(this.#poll, this.#events.address, EVENTS_MAX);
      for (let index = 0; index < count; index++) {
        const at = (index * POLL_EVENT.size) / 4;
        const { words } = this.#events;
        const descriptor = words[at + POLL_EVENT.descriptor / 4] as number;
        const reading = this.#readings.get(descriptor);
        if (reading === undefined) continue;
        if (words[at + POLL_EVENT.events / 4] === POLL.in) this.#read(reading);
        else reading.handBack();
      }
      if (count < EVENTS_MAX) return;
    }
  }

  #read(reading: Reading): void {
    const { address, bytes } = this.#bytes;
    const count = this.#calls.receive(reading.descriptor, address, READ_BYTES);
    if (count > 0) reading.deliver(bytes.slice(0, count));
    else if (count === 0) reading.handBack();
    else if (count !== -ERRNO.EAGAIN && count !== -ERRNO.EINTR) reading.fail(-count);
  }
}

class Reading implements StreamReading {
  readonly descriptor: number;
  readonly #socket: Socket;
  readonly #handle: ReadingHandle;
  readonly #onBytes: (bytes: Uint8Array) => void;
  readonly #leave: () => void;
  #isOver = false;

  constructor(
    socket: Socket,
    handle: ReadingHandle,
    onBytes: (bytes: Uint8Array) => void,
    leave: () => void,
  ) {
    this.descriptor = handle.fd;
    this.#socket = socket;
    this.#handle = handle;
    this.#onBytes = onBytes;
    this.#leave = leave;
    socket.once("close", () => this.#end());
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  deliver(bytes: Uint8Array): void {
    if (!this.#isOver && !this.#socket.destroyed) this.#onBytes(bytes);
  }

  handBack(): void {
    if (this.#end() && !this.#socket.destroyed) this.#handle.readStart();
  }

  /** We received the error, so the stream would not. */
  fail(errno: number): void {
    const code = errorName(errno);
    this.#socket.destroy(Object.assign(new Error(`read ${code}`), { code, syscall: "read" }));
  }

  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#leave();
    return true;
  }
}
