import { type Clock, MeanderError, SystemClock } from "../../base/index.ts";
import type { MessageSocket } from "../../directory/index.ts";
import { AbortWatch } from "./abort-watch.ts";
import { checkShellName } from "./check-shell-name.ts";
import { greet } from "./greet.ts";
import { RemoteShellPort } from "./remote-shell-port.ts";
import { Shell } from "./shell.ts";

/** How a shell connects. */
export interface ConnectOptions {
  /** Requested name as a sender: 1 to 40 letters, digits, `-`, `_`. Default: a random one. */
  readonly name?: string | undefined;
  /** Presented to a site that requires one; it must allow `administer`. */
  readonly token?: string | undefined;
  /** Aborts connecting. */
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
}

/** Opens a message socket to a URL. @throws {MeanderError} `site-unreachable`, `shell-refused` */
export type ShellDialler = (url: string, clock: Clock) => Promise<MessageSocket>;

/**
 * [S1] Attaches a shell to a site, over the sockets that `dial` opens.
 *
 * @param url the site's: `http://127.0.0.1:7000`
 * @throws {MeanderError} `address-invalid`, `option-invalid`, `site-unreachable`, `shell-refused`, `token-…`
 */
export async function connectShell(
  url: string,
  dial: ShellDialler,
  options: ConnectOptions = {},
): Promise<Shell> {
  const { name, token, signal, clock = new SystemClock() } = options;
  const where = shellUrlOf(url);
  if (name !== undefined) checkShellName(name);
  signal?.throwIfAborted();
  const dialling = dial(where, clock);
  try {
    const socket = await new AbortWatch().race(dialling, signal);
    const port = await greet(
      socket,
      { clock, name, token, where, signal },
      (greeting) => new RemoteShellPort(greeting, { clock }),
    );
    return new Shell(port);
  } catch (error) {
    // The socket may still open after the caller has given up.
    dialling.then(
      (socket) => socket.close(),
      () => {},
    );
    throw error;
  }
}

/** `ws://127.0.0.1:7000/shell` of `http://127.0.0.1:7000`. @throws {MeanderError} `address-invalid` */
export function shellUrlOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^(http|ws)s?:$/.test(parsed.protocol) || parsed.host === "") {
    throw new MeanderError("address-invalid", `got ${JSON.stringify(url)}`, {
      where: "address of the site",
      expected: "an address such as http://127.0.0.1:7000",
    });
  }
  return `${parsed.protocol.replace(/^http/, "ws")}//${parsed.host}/shell`;
}
