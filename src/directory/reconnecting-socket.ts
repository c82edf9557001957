import {
  type Cancel,
  type Clock,
  LIMITS,
  type Log,
  messageOf,
  type Random,
} from "../base/index.ts";
import type { MessageSocket } from "./message-socket.ts";
import {
  type ClientMessage,
  decodeServerMessage,
  PROTOCOL,
  type ServerMessage,
} from "./messages.ts";
import type { WireError } from "./wire-error.ts";

/** What happens on a {@link ReconnectingSocket}. */
export interface ReconnectingSocketEvents {
  /** Greeted by the directory named `directory`. */
  onUp(directory: string): void;
  /** The connection ended, or an attempt failed; another one follows. */
  onDown(reason: string): void;
  onMessage(message: ServerMessage): void;
  /** The directory does not let us in, or no longer; `onDown` follows. */
  onDismissed(error: WireError): void;
}

/** What the connection of a directory client depends on. */
export interface DialOptions {
  /** Opens a connection to the directory, or rejects. */
  readonly dial: () => Promise<MessageSocket>;
  /** What each greeting shows; without, none is shown. */
  readonly token?: (() => string | undefined) | undefined;
  /** [D24] The site that the client speaks for; undefined: none. */
  readonly site?: string | undefined;
  readonly clock: Clock;
  /** Spreads the attempts of many clients. */
  readonly random: Random;
  readonly log: Log;
}

/**
 * Keeps a connection to a directory: dials, shakes hands, checks for signs of life, and dials again after pauses that
 * double from {@link LIMITS.reconnectMsMin} to {@link LIMITS.reconnectMsMax}, each shortened at random by up to half.
 */
export class ReconnectingSocket {
  readonly #options: DialOptions;
  readonly #events: ReconnectingSocketEvents;
  /** The connection that counts; events of others are late. */
  #socket: MessageSocket | undefined;
  #attempt: object | undefined;
  #failures = 0;
  #up = false;
  #heard = false;
  #closed = false;
  #cancelTimer: Cancel | undefined;

  /** Starts to dial at once. */
  constructor(options: DialOptions, events: ReconnectingSocketEvents) {
    this.#options = options;
    this.#events = events;
    this.#dial();
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** Sends when up; does nothing otherwise. */
  send(message: ClientMessage): void {
    if (this.#up) this.#socket?.send(JSON.stringify(message));
  }

  /** Gives the connection up; another one follows. */
  reset(reason: string): void {
    if (this.#closed) return;
    const socket = this.#socket;
    this.#socket = undefined;
    this.#attempt = undefined;
    this.#up = false;
    socket?.close();
    const { random, log } = this.#options;
    const longest = Math.min(LIMITS.reconnectMsMax, LIMITS.reconnectMsMin * 2 ** this.#failures++);
    const pause = longest * (0.5 + random.float() / 2);
    log.debug("The directory cannot be reached.", { reason, failures: this.#failures });
    this.#timer("directory reconnect", pause, () => this.#dial());
    this.#events.onDown(reason);
  }

  /** Ends it all. */
  close(): void {
    this.#closed = true;
    this.#up = false;
    this.#cancelTimer?.();
    this.#socket?.close();
    this.#socket = undefined;
  }

  #dial(): void {
    const attempt = {};
    this.#attempt = attempt;
    this.#timer("directory greeting", LIMITS.directoryCallMs, () => this.reset("no answer"));
    // In a later microtask, so that a dialler that throws acts like one that rejects.
    Promise.resolve()
      .then(this.#options.dial)
      .then(
        (socket) => {
          if (this.#closed || this.#attempt !== attempt) socket.close();
          else this.#greet(socket);
        },
        (error: unknown) => {
          if (!this.#closed && this.#attempt === attempt) this.reset(messageOf(error));
        },
      );
  }

  #greet(socket: MessageSocket): void {
    this.#socket = socket;
    socket.onClose(() => {
      if (this.#socket === socket) this.reset("the connection ended");
    });
    socket.onMessage((text) => {
      if (this.#socket === socket) this.#receive(text);
    });
    const { site } = this.#options;
    const token = this.#options.token?.();
    const hello: ClientMessage = {
      type: "hello",
      protocol: PROTOCOL,
      ...(token === undefined ? {} : { token }),
      ...(site === undefined ? {} : { site }),
    };
    socket.send(JSON.stringify(hello));
  }

  #receive(text: string): void {
    this.#heard = true;
    const message = decodeServerMessage(text);
    if (typeof message === "string") this.reset(`the answer was no message (${message})`);
    else if (message.type === "goodbye") {
      this.#events.onDismissed(message.error);
      this.reset(message.error.what);
    } else if (message.type === "hello") this.#greeted(message.protocol, message.directory);
    else if (!this.#up) this.reset("the answer was no greeting");
    else if (message.type !== "pong") this.#events.onMessage(message);
  }

  #greeted(protocol: number, directory: string): void {
    if (protocol !== PROTOCOL) {
      this.reset(`the directory speaks version ${protocol} of the protocol, not ${PROTOCOL}`);
    } else if (this.#up) this.reset("a second greeting");
    else {
      this.#up = true;
      this.#failures = 0;
      this.#ping();
      this.#events.onUp(directory);
    }
  }

  #ping(): void {
    this.#heard = false;
    this.send({ type: "ping" });
    this.#timer("directory ping", LIMITS.directoryPingMs, () => {
      if (this.#heard) this.#ping();
      else this.reset("no sign of life");
    });
  }

  #timer(name: string, delayMs: number, task: () => void): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.after(name, delayMs, task);
  }
}
