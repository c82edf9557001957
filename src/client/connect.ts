import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { type Clock, LIMITS, MeanderError, messageOf } from "../base/index.ts";
import type { MessageSocket } from "../directory/index.ts";
import {
  type ConnectOptions,
  connectShell,
  refusedError,
  type Shell,
  unreachableError,
} from "../session/shell/index.ts";
import { secureOptions, type TlsTrust } from "../transport/index.ts";
import { connectFailure } from "./connect-failure.ts";
import { messageSocketOf } from "./message-sockets.ts";
import { errorSchema } from "./site-answer.ts";
import type { SiteCredentials } from "./site-client.ts";

/**
 * Attaches a shell to a site: for programs in Node.
 *
 * @param url `http://127.0.0.1:7000`
 * @param options trust: how an `https:` site is trusted
 * @throws {MeanderError} `address-invalid`, `option-invalid`, `site-unreachable`, `tls-…`, `token-…`, `shell-refused`
 *   with the site's words
 */
export function connect(
  url: string,
  options: ConnectOptions & Pick<SiteCredentials, "trust"> = {},
): Promise<Shell> {
  return connectShell(
    url,
    (address, clock) => dialShell(address, { trust: options.trust, clock }),
    options,
  );
}

function dialShell(
  url: string,
  options: { readonly trust: TlsTrust | undefined; readonly clock: Clock },
): Promise<MessageSocket> {
  const socket = new WebSocket(url, {
    ...secureOptions(url, options),
    perMessageDeflate: false,
    maxPayload: LIMITS.shellMessageBytesMax,
    handshakeTimeout: LIMITS.connectMsMax,
  });
  return new Promise((resolve, reject) => {
    socket.once("open", () =>
      resolve(messageSocketOf(socket, { backlogBytesMax: LIMITS.shellBacklogBytesMax })),
    );
    socket.once("unexpected-response", (_request, response) => {
      wordsOf(response).then((why) => {
        reject(refusedError(url, why));
        socket.terminate();
      }, reject);
    });
    socket.on("error", (cause) =>
      reject(isAboutTls(cause) ? cause : unreachableError(url, connectFailure(cause), cause)),
    );
  });
}

function isAboutTls(error: unknown): error is MeanderError {
  return error instanceof MeanderError && error.code.startsWith("tls-");
}

/** The reason in a site's HTTP response. */
async function wordsOf(response: IncomingMessage): Promise<string> {
  let text = "";
  try {
    for await (const part of response.setEncoding("utf8")) {
      text += String(part);
      if (text.length > LIMITS.controlBytesMax) break;
    }
    const { error } = errorSchema.parse(JSON.parse(text));
    return [error.message, error.expected, error.next].filter(Boolean).join("; ");
  } catch (error) {
    return `status ${response.statusCode ?? 0} (${messageOf(error)})`;
  }
}
