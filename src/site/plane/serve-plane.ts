import { type Log, logOver } from "../../base/index.ts";
import type { MessageSocket } from "../../directory/index.ts";
import type { HttpResponse } from "../http/messages.ts";
import type { Plane, SocketKind } from "./plane.ts";
import {
  type FromPlane,
  methodOf,
  type PlanePort,
  partsOf,
  type ToPlane,
} from "./plane-messages.ts";

/** The port as the plane's side has it. */
export type ServingPort = PlanePort<FromPlane, ToPlane>;

/** Lets the other end of `port` use `plane`: its calls, its events, its requests and its message sockets. */
export function servePlane(plane: Plane, port: ServingPort): void {
  const answers = new Map<number, (response: HttpResponse) => void>();
  const sockets = new Map<number, MessageSocket>();
  let requests = 0;
  let opened = 0;

  plane.onEvent((event) => port.postMessage({ type: "event", event }));
  plane.onAudited((facts) => port.postMessage({ type: "audited", facts }));
  plane.onRequest((request) => {
    const id = ++requests;
    port.postMessage({ type: "request", id, request });
    return new Promise((resolve) => answers.set(id, resolve));
  });
  const forward = (kind: SocketKind) => (socket: MessageSocket, address: string) => {
    const id = ++opened;
    sockets.set(id, socket);
    port.postMessage({ type: "socket-opened", socket: id, kind, address });
    socket.onMessage((text) => port.postMessage({ type: "socket-text", socket: id, text }));
    socket.onClose(() => {
      if (sockets.delete(id)) port.postMessage({ type: "socket-closed", socket: id });
    });
  };
  plane.onDirectory(forward("directory"));
  plane.onShell(forward("shell"));
  port.on("message", (message) => {
    switch (message.type) {
      case "call":
        methodOf(
          plane,
          message.method,
        )(...message.args).then(
          (value) => port.postMessage({ type: "result", id: message.id, value }),
          (error: unknown) =>
            port.postMessage({ type: "error", id: message.id, error: partsOf(error) }),
        );
        break;
      case "response":
        answers.get(message.id)?.(message.response);
        answers.delete(message.id);
        break;
      case "socket-text":
        sockets.get(message.socket)?.send(message.text);
        break;
      case "socket-close":
        // Its closing is reported like any other.
        sockets.get(message.socket)?.close();
        break;
      case "socket-admitted":
        sockets.get(message.socket)?.admitted?.();
        break;
      case "open":
        break;
    }
  });
}

/** A log whose lines go over `port` to the main thread's log. */
export function portLog(port: ServingPort): Log {
  return logOver((level, message, fields) =>
    port.postMessage({ type: "log", level, message, fields }),
  );
}
