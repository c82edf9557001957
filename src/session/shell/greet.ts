import { type Clock, LIMITS, type MeanderError } from "../../base/index.ts";
import { decodeError, type MessageSocket } from "../../directory/index.ts";
import {
  decodeSiteMessage,
  SHELL_PROTOCOL,
  type ShellMessage,
  type SiteMessage,
} from "./messages.ts";
import { refusedError, unreachableError } from "./shell-errors.ts";

/** What a site said to a shell that came. */
export interface Greeting {
  /** Carries on behind the greeting. Its handlers are set at once. */
  readonly socket: MessageSocket;
  /** The shell's name from now on. */
  readonly name: string;
  readonly site: string;
  /** The site's wall clock less this machine's running one, ms. */
  readonly wallOffset: number;
}

/** What a shell that comes tells of itself. */
export interface GreetOptions {
  readonly clock: Clock;
  /** Name it would like to have. */
  readonly name?: string | undefined;
  readonly token?: string | undefined;
  /** Where the site is, for errors. */
  readonly where: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * [S5] Says hello to a site. The socket is closed when that fails.
 *
 * @param make called when the site has greeted
 * @throws {MeanderError} `shell-refused`, `site-unreachable`
 */
export function greet<T>(
  socket: MessageSocket,
  options: GreetOptions,
  make: (greeting: Greeting) => T,
): Promise<T> {
  const { clock, name, token, where, signal } = options;
  return new Promise((resolve, reject) => {
    const began = clock.now();
    let isOver = false;
    const over = (): boolean => {
      if (isOver) return false;
      isOver = true;
      cancel();
      signal?.removeEventListener("abort", onAbort);
      return true;
    };
    const fail = (error: unknown): void => {
      if (!over()) return;
      socket.close();
      reject(error);
    };
    const onAbort = (): void => fail(signal?.reason);
    const cancel = clock.after("shell greeting", LIMITS.connectMsMax, () =>
      fail(unreachableError(where, `it does not greet within ${LIMITS.connectMsMax} ms`)),
    );
    signal?.addEventListener("abort", onAbort, { once: true });
    let onClose = (): void => fail(unreachableError(where, "it ended the connection"));
    let onMessage = (text: string): void => {
      if (isOver) return;
      const message = decodeSiteMessage(text);
      if (typeof message !== "string" && message.type === "hello") welcome(message);
      else fail(refusalOf(message, where));
    };
    const welcome = (message: Extract<SiteMessage, { type: "hello" }>): void => {
      if (message.protocol !== SHELL_PROTOCOL) {
        fail(refusedError(where, `it speaks version ${message.protocol} of the protocol`));
        return;
      }
      over();
      const wallOffset = message.now - (began + clock.now()) / 2;
      const handed: MessageSocket = {
        send: (text) => socket.send(text),
        close: () => socket.close(),
        onMessage: (handler) => {
          onMessage = handler;
        },
        onClose: (handler) => {
          onClose = handler;
        },
      };
      resolve(make({ socket: handed, name: message.name, site: message.site, wallOffset }));
    };
    socket.onClose(() => onClose());
    socket.onMessage((text) => onMessage(text));
    const hello: ShellMessage = {
      type: "hello",
      protocol: SHELL_PROTOCOL,
      ...(name === undefined ? {} : { name }),
      ...(token === undefined ? {} : { token }),
    };
    socket.send(JSON.stringify(hello));
  });
}

function refusalOf(message: SiteMessage | string, where: string): MeanderError {
  if (typeof message === "string" || message.type !== "refused") {
    return refusedError(where, "what answers there greets no shells");
  }
  const error = decodeError(message.error);
  if (error.code.startsWith("token-") || error.code === "denied") return error;
  return refusedError(where, error.message, error);
}
