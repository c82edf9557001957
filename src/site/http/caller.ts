import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Clock, type Counters, LIMITS } from "../../base/index.ts";
import type { Stranger } from "../../transport/index.ts";
import { HttpPace, type PaceFault, type Passed } from "./http-pace.ts";

/** Why a connection to the HTTP port was cut, or not taken. */
export type DoorFault =
  | PaceFault
  | "door-late"
  | "door-crowded"
  | "door-address-full"
  | "door-greeting-long"
  | "door-requests-many";

/** One connection to the HTTP port, from its acceptance to its end. */
export class Caller {
  /** Its address and port. */
  readonly key: string;
  /** IP address. */
  readonly address: string;
  readonly #socket: Socket;
  readonly #clock: Pick<Clock, "now">;
  readonly #counts: Counters;
  readonly #pace: HttpPace;
  /** Undefined once it is known. */
  #stranger: Stranger | undefined;
  #stopCounting: () => void = () => {};

  /** @param socket as the port accepted it, below TLS */
  constructor(socket: Socket, clock: Pick<Clock, "now">, counts: Counters) {
    this.key = keyOf(socket);
    this.address = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
    this.#socket = socket;
    this.#clock = clock;
    this.#counts = counts;
    this.#pace = new HttpPace(clock.now(), this.#passed);
  }

  /** Whether it has shown who it is; on an open site, has made a whole request. */
  get isKnown(): boolean {
    return this.#stranger === undefined;
  }

  /** Requests that wait for their answer. */
  get answers(): number {
    return this.#pace.answers;
  }

  /** It is a stranger until {@link known}. */
  setStranger(stranger: Stranger): void {
    this.#stranger = stranger;
  }

  /** It has shown who it is. */
  known(): void {
    this.#stopCounting();
    this.#stranger?.done();
    this.#stranger = undefined;
  }

  /** The head of a request is there. */
  asked(): void {
    // From now on its pace counts: the site takes as long as it takes.
    this.#stranger?.extend(Number.POSITIVE_INFINITY);
    this.#pace.asked(this.#clock.now(), this.#passed);
  }

  bodyBegins(): void {
    this.#pace.bodyBegins(this.#clock.now(), this.#passed);
  }

  bodyEnds(): void {
    this.#pace.bodyEnds(this.#clock.now(), this.#passed);
  }

  /** An answer has left, or was given up. */
  answered(): void {
    // A second more than the server keeps it, which closes it in order.
    this.#stranger?.extend(LIMITS.idleMs + 1_000);
    this.#pace.answered(this.#clock.now(), this.#passed);
  }

  /**
   * It speaks another protocol from now on, in which it has time to show who it is, and few bytes.
   *
   * @param stream what carries them, above TLS
   */
  upgraded(stream: Duplex): void {
    const stranger = this.#stranger;
    if (stranger === undefined || stream.destroyed) return;
    stranger.extend(LIMITS.strangerMs);
    let bytes = 0;
    const count = (piece: Uint8Array): void => {
      // What greeted with these bytes is known by now.
      if (this.isKnown) return;
      bytes += piece.byteLength;
      if (bytes > LIMITS.strangerBytesMax) this.cut("door-greeting-long");
    };
    stream.on("data", count);
    this.#stopCounting = () => stream.off("data", count);
  }

  /** Cuts it if the other end is too slow. */
  look(): void {
    const fault = this.#pace.faultAt(this.#clock.now(), this.#passed);
    if (fault !== undefined) this.cut(fault);
  }

  /** Ends it without a word. */
  cut(fault: DoorFault): void {
    if (this.#socket.destroyed) return;
    this.#counts.add(fault);
    this.#socket.destroy();
  }

  /** Ends it for no fault of its own. */
  end(): void {
    this.#socket.destroy();
  }

  /** It has ended. */
  left(): void {
    this.#stopCounting();
    this.#stranger?.done();
  }

  get #passed(): Passed {
    const { bytesRead, bytesWritten, writableLength } = this.#socket;
    return { read: bytesRead ?? 0, written: (bytesWritten ?? 0) - (writableLength ?? 0) };
  }
}

/** Names a connection also where only what is above its TLS is at hand. */
export function keyOf({
  remoteAddress,
  remotePort,
}: Pick<Socket, "remoteAddress" | "remotePort">): string {
  return `${remoteAddress} ${remotePort}`;
}
