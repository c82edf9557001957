import { WebSocket } from "ws";
import { LIMITS, MeanderError } from "../base/index.ts";
import type { MessageSocket } from "../directory/index.ts";

/** A WebSocket as the directory's message socket. Binary messages end it: the directory speaks text. */
export function messageSocketOf(socket: WebSocket): MessageSocket {
  // Messages that come before somebody listens are kept; the peer sends the first one only after an answer.
  const early: string[] = [];
  let onMessage: ((text: string) => void) | undefined;
  let onClose: (() => void) | undefined;
  let closed = false;
  const ended = (): void => {
    if (closed) return;
    closed = true;
    onClose?.();
  };
  socket.on("message", (data, isBinary) => {
    if (isBinary) return socket.terminate();
    const text = data.toString();
    if (onMessage === undefined) early.push(text);
    else onMessage(text);
  });
  socket.on("close", ended);
  socket.on("error", () => socket.terminate());
  return {
    send: (text) => {
      // A peer that does not read must not fill the memory.
      if (socket.bufferedAmount > 2 * LIMITS.directoryMessageBytesMax) socket.terminate();
      else if (socket.readyState === WebSocket.OPEN) socket.send(text);
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

/**
 * Opens the directory of the leading site.
 *
 * @param url `ws://127.0.0.1:7000/directory`
 * @throws {MeanderError} `directory-unreachable`
 */
export function dialDirectory(url: string): Promise<MessageSocket> {
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    maxPayload: LIMITS.directoryMessageBytesMax,
    handshakeTimeout: LIMITS.confirmMs,
  });
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve(messageSocketOf(socket)));
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
