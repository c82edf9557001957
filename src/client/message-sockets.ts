import { WebSocket } from "ws";
import type { MessageSocket } from "../directory/index.ts";

/**
 * A WebSocket as a message socket. Binary messages end it: message sockets carry text.
 *
 * @param options backlogBytesMax: bytes that may wait for a slow peer; with more, the socket is closed; onAdmitted:
 *   called when the peer was admitted
 */
export function messageSocketOf(
  socket: WebSocket,
  {
    backlogBytesMax,
    onAdmitted = () => {},
  }: {
    readonly backlogBytesMax: number;
    readonly onAdmitted?: () => void;
  },
): MessageSocket {
  // Messages that arrive before a handler is set are kept; the peer sends the first one only after an answer.
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
      if (socket.bufferedAmount > backlogBytesMax) socket.terminate();
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
    admitted: onAdmitted,
  };
}
