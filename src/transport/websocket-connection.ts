import { WebSocket } from "ws";
import { assert, type Cancel, type Clock, LIMITS, MeanderError } from "../base/index.ts";
import type { Connection, ConnectionEnd } from "../stack/index.ts";
import { Ending } from "./ending.ts";
import { StreamBacklog } from "./stream-backlog.ts";
import { malformedEnd } from "./stream-end.ts";
import { plain, wholePacketsEnd } from "./whole-packets.ts";

/** How messages leave: through the library, or as ready-made frames past it. */
export interface MessageWriter {
  /** Writes one binary message and returns its size in bytes, with its frame. */
  write(payload: Uint8Array): number;
  /** Bytes handed over and not yet taken by the kernel. */
  pending(): number;
}

/** Packets in binary WebSocket messages, one or more whole ones in each. */
export class WebSocketConnection implements Connection {
  readonly stack = "websocket";
  readonly peer: string;
  readonly reliable = true;
  readonly coalesces = true;
  readonly maxBytes = LIMITS.batchBytesMax;
  readonly #socket: WebSocket;
  readonly #writer: MessageWriter;
  readonly #clock: Clock;
  readonly #ending = new Ending();
  readonly #backlog: StreamBacklog;
  #malformed = 0;
  #fault: Error | undefined;
  #cancelCut: Cancel = () => {};

  /** @param socket open; belongs to the connection from now on */
  constructor(
    socket: WebSocket,
    writer: MessageWriter,
    options: { readonly clock: Clock; readonly peer: string },
  ) {
    this.peer = options.peer;
    this.#socket = socket;
    this.#writer = writer;
    this.#clock = options.clock;
    this.#backlog = new StreamBacklog(options.clock, () => writer.pending());
    // Not read before there is a handler: the kernel bounds what waits, and nothing is lost.
    socket.pause();
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", (code) => {
      this.#cancelCut();
      this.#ending.end(this.#endOf(code));
    });
  }

  get closed(): Promise<ConnectionEnd> {
    return this.#ending.closed;
  }

  get malformed(): number {
    return this.#malformed;
  }

  send(packets: Uint8Array): boolean {
    if (this.#ending.hasEnded || packets.byteLength > this.maxBytes) return false;
    if (this.#socket.readyState !== WebSocket.OPEN) return false;
    if (!this.#backlog.hasRoomFor(packets.byteLength)) return false;
    this.#backlog.wrote(this.#writer.write(packets));
    return true;
  }

  onPackets(handler: (bytes: Uint8Array) => void): void {
    assert(this.#socket.listenerCount("message") === 0, "a connection has one handler, set once");
    this.#socket.on("message", (message, isBinary) => {
      if (this.#ending.hasEnded) return;
      // One Buffer, as `binaryType` is left at `nodebuffer`.
      const bytes = plain(message as Buffer);
      const end = isBinary ? wholePacketsEnd(bytes) : 0;
      if (end < bytes.byteLength || end === 0) this.#malformed++;
      if (end > 0) handler(end === bytes.byteLength ? bytes : bytes.subarray(0, end));
    });
    this.#socket.resume();
  }

  backlog(): { readonly bytes: number; readonly oldestMs: number } {
    return this.#backlog.report();
  }

  close(): void {
    if (!this.#ending.end(undefined)) return;
    this.#socket.resume();
    this.#socket.close(1000);
    this.#cutLater();
  }

  #fail(error: Error): void {
    this.#fault ??= error;
    if (isProtocolFault(error)) this.#malformed++;
    this.#cutLater();
  }

  #cutLater(): void {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    this.#cancelCut();
    this.#cancelCut = this.#clock.after("cut a closed WebSocket", LIMITS.closeMsMax, () =>
      this.#socket.terminate(),
    );
  }

  #endOf(code: number): ConnectionEnd {
    const fault = this.#fault;
    if (fault !== undefined && isProtocolFault(fault)) {
      return malformedEnd(this.peer, `the peer broke the protocol (${fault.message})`, fault);
    }
    if (ORDERLY_CODES.has(code) || code >= 3000) return undefined;
    const what = code === 1006 ? "the connection was cut" : `the peer closed with ${code}`;
    return new MeanderError("connection-reset", what, { where: this.peer, cause: fault });
  }
}

/** Normal closure, going away, no status (RFC 6455 §7.4.1). */
const ORDERLY_CODES: ReadonlySet<number> = new Set([1000, 1001, 1005]);

/** Errors of the library about what the peer sent, in contrast to those of the socket. */
function isProtocolFault(error: Error): boolean {
  return "code" in error && typeof error.code === "string" && error.code.startsWith("WS_ERR_");
}
