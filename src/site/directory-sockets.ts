import { WebSocket } from "ws";
import { type Clock, LIMITS, MeanderError } from "../base/index.ts";
import { messageSocketOf } from "../client/index.ts";
import type { MessageSocket } from "../directory/index.ts";
import { secureOptions, type TlsTrust } from "../transport/index.ts";

/** Bytes that wait for a directory's peer which does not read. */
export const DIRECTORY_BACKLOG_BYTES_MAX: number = 2 * LIMITS.directoryMessageBytesMax;

/**
 * Opens the directory of the leading site.
 *
 * @param url `ws://127.0.0.1:7000/directory`
 * @param options trust: by what a `wss:` site is trusted
 * @throws {MeanderError} `directory-unreachable`
 */
export function dialDirectory(
  url: string,
  options: { readonly trust?: TlsTrust | undefined; readonly clock: Clock },
): Promise<MessageSocket> {
  const socket = new WebSocket(url, {
    ...secureOptions(url, options),
    perMessageDeflate: false,
    maxPayload: LIMITS.directoryMessageBytesMax,
    handshakeTimeout: LIMITS.confirmMs,
  });
  return new Promise((resolve, reject) => {
    socket.once("open", () =>
      resolve(messageSocketOf(socket, { backlogBytesMax: DIRECTORY_BACKLOG_BYTES_MAX })),
    );
    socket.once("error", (cause) =>
      reject(
        new MeanderError(
          "directory-unreachable",
          `the leading site does not answer: ${cause.message}`,
          {
            where: url,
            next: "check that it runs, and the address given with --join",
            cause,
          },
        ),
      ),
    );
  });
}
