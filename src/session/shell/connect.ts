import { type Clock, LIMITS } from "../../base/index.ts";
import type { MessageSocket } from "../../directory/index.ts";
import { type ConnectOptions, connectShell } from "./connect-shell.ts";
import type { Shell } from "./shell.ts";
import { unreachableError } from "./shell-errors.ts";

/** Of the platform's WebSocket, what is needed here. */
export interface PlatformWebSocket {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: (() => void) | null;
  onerror: (() => void) | null;
  send(text: string): void;
  close(): void;
}

/**
 * Attaches a shell to a site over the platform's own WebSocket: for browsers.
 *
 * @param url `http://127.0.0.1:7000`; a page may reach the sites of the session that it comes from
 * @throws {MeanderError} `address-invalid`, `option-invalid`, `shell-refused`; `site-unreachable`, also when the site
 * refuses the page, which
 *   a browser does not tell apart
 */
export function connect(url: string, options: ConnectOptions = {}): Promise<Shell> {
  return connectShell(
    url,
    (address, clock) => dial(openWebSocket(address), address, clock),
    options,
  );
}

/** Waits until a WebSocket is open. @param socket owned from now on */
export function dial(socket: PlatformWebSocket, url: string, clock: Clock): Promise<MessageSocket> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      cancel();
      socket.onopen = socket.onclose = null;
      socket.close();
      reject(unreachableError(url, why));
    };
    const cancel = clock.after("shell connect", LIMITS.connectMsMax, () =>
      fail(`no answer within ${LIMITS.connectMsMax} ms`),
    );
    // An error is always followed by a close.
    socket.onerror = () => {};
    socket.onclose = () => fail("no connection");
    socket.onopen = () => {
      cancel();
      resolve(messageSocketOf(socket));
    };
  });
}

/** Set where the platform has it. */
function openWebSocket(url: string): PlatformWebSocket {
  const { WebSocket } = globalThis as unknown as {
    readonly WebSocket?: new (url: string) => PlatformWebSocket;
  };
  if (WebSocket === undefined)
    throw unreachableError(url, "this platform has no WebSocket of its own");
  return new WebSocket(url);
}

function messageSocketOf(socket: PlatformWebSocket): MessageSocket {
  const early: string[] = [];
  let onMessage: ((text: string) => void) | undefined;
  let onClose: (() => void) | undefined;
  let closed = false;
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") socket.close();
    else if (onMessage === undefined) early.push(data);
    else onMessage(data);
  };
  socket.onclose = () => {
    closed = true;
    onClose?.();
  };
  return {
    send: (text) => {
      // A socket that is closing drops what it is given.
      if (!closed) socket.send(text);
    },
    onMessage: (handler) => {
      onMessage = handler;
      for (const text of early.splice(0)) handler(text);
    },
    onClose: (handler) => {
      onClose = handler;
      if (closed) handler();
    },
    close: () => socket.close(),
  };
}
