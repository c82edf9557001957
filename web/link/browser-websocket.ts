import { type Clock, LIMITS, MeanderError } from "../../src/base/index.ts";
import type { Connection, ConnectionEnd } from "../../src/stack/index.ts";
import { ORIGIN_REFUSED_CLOSE, splitPackets } from "../../src/wire/index.ts";

/** How long a site may take to answer, ms. */
const OPEN_MS_MAX = 5_000;
/** Messages kept before the handler is set. */
const EARLY_MAX = 256;

/**
 * Opens a connection to a site's `/link` over the browser's own WebSocket.
 *
 * A site that does not allow pages of this origin ends the connection with `origin-refused`. [A20]
 *
 * @param url `ws://` or `wss://`
 * @throws {MeanderError} `address-invalid`; `connect-refused` when no site answers or the handshake fails, which browsers do not
 *   distinguish; `connect-timeout`
 */
export function dialWebSocket(url: string, clock: Clock): Promise<Connection> {
  return new Promise((resolve, reject) => {
    let socket: WebSocket;
    try {
      socket = new WebSocket(url);
    } catch (cause) {
      reject(
        new MeanderError("address-invalid", "not a WebSocket address", {
          where: url,
          expected: "ws://HOST:PORT/link",
          cause,
        }),
      );
      return;
    }
    socket.binaryType = "arraybuffer";
    const fail = (error: MeanderError): void => {
      cancel();
      socket.onopen = socket.onclose = null;
      socket.close();
      reject(error);
    };
    const cancel = clock.after("websocket open", OPEN_MS_MAX, () =>
      fail(
        new MeanderError("connect-timeout", `no answer within ${OPEN_MS_MAX} ms`, { where: url }),
      ),
    );
    socket.onclose = () =>
      fail(new MeanderError("connect-refused", "no site answered", { where: url }));
    socket.onopen = () => {
      cancel();
      resolve(new BrowserWebSocketConnection(socket, clock));
    };
  });
}

class BrowserWebSocketConnection implements Connection {
  readonly stack = "websocket";
  readonly peer: string;
  readonly reliable = true;
  readonly coalesces = true;
  readonly maxBytes = LIMITS.packetBytesMax;
  readonly closed: Promise<ConnectionEnd>;
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  #malformed = 0;
  #handler: ((bytes: Uint8Array) => void) | undefined;
  #early: Uint8Array[] = [];
  #backlogSince: number | undefined;

  /** @param socket open, in `arraybuffer` mode; owned from now on */
  constructor(socket: WebSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.peer = new URL(socket.url).host;
    socket.onmessage = (event) => this.#receive(event.data);
    this.closed = new Promise((resolve) => {
      socket.onclose = (event) => resolve(this.#endOf(event));
    });
  }

  get malformed(): number {
    return this.#malformed;
  }

  send(packets: Uint8Array): boolean {
    const socket = this.#socket;
    if (socket.readyState !== WebSocket.OPEN) return false;
    if (socket.bufferedAmount + packets.byteLength > LIMITS.backlogBytesMax) return false;
    if (socket.bufferedAmount === 0) this.#backlogSince = this.#clock.now();
    socket.send(packets as Uint8Array<ArrayBuffer>);
    return true;
  }

  onPackets(handler: (bytes: Uint8Array) => void): void {
    this.#handler = handler;
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) handler(bytes);
  }

  /**
   * A browser reports how much is buffered, not since when: the age is that of the first write into an empty buffer.
   */
  backlog(): { readonly bytes: number; readonly oldestMs: number } {
    const bytes = this.#socket.bufferedAmount;
    const oldestMs =
      bytes === 0 ? 0 : this.#clock.now() - (this.#backlogSince ?? this.#clock.now());
    return { bytes, oldestMs };
  }

  close(): void {
    this.#socket.close(1000);
  }

  #endOf({ code, wasClean }: CloseEvent): ConnectionEnd {
    if (code === ORIGIN_REFUSED_CLOSE) {
      const what = `the site does not allow pages from ${location.origin}`;
      const next = `start it with --allow-origin ${location.origin}`;
      return new MeanderError("origin-refused", what, { where: this.peer, next });
    }
    return wasClean
      ? undefined
      : new MeanderError("connection-lost", "the connection was lost", { where: this.peer });
  }

  #receive(data: unknown): void {
    if (!(data instanceof ArrayBuffer) || !isPackets(new Uint8Array(data))) {
      this.#malformed++;
      return;
    }
    const bytes = new Uint8Array(data);
    if (this.#handler !== undefined) this.#handler(bytes);
    else if (this.#early.length < EARLY_MAX) this.#early.push(bytes);
    else this.close();
  }
}

function isPackets(bytes: Uint8Array): boolean {
  const packets = splitPackets(bytes);
  for (;;) {
    const { done, value } = packets.next();
    if (done === true) return value === undefined && bytes.byteLength > 0;
  }
}
