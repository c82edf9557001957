/** A site for tests of verbs, which only notes what it is asked. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { SILENT, SystemClock } from "../base/index.ts";
import type { MessageSocket } from "../directory/index.ts";
import { ShellServer } from "../session/shell/index.ts";
import { NotingPort } from "./noting-port.test.support.ts";

/** Its shells are {@link NotingPort}s. */
export class NotingSite {
  /** What it was asked: the call, and its arguments. */
  readonly calls: unknown[][] = [];
  readonly #shells = new ShellServer(() => new NotingPort(this.calls), {
    clock: new SystemClock(),
    log: SILENT,
  });
  #server: WebSocketServer | undefined;

  /** Its address. */
  async open(): Promise<string> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", path: "/shell" });
    this.#server = server;
    server.on("connection", (socket) => this.#shells.accept(socketOf(socket)));
    await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await this.#shells.close();
    this.#server?.close();
  }
}

function socketOf(socket: WebSocket): MessageSocket {
  return {
    send: (text) => socket.send(text),
    onMessage: (handler) => void socket.on("message", (data) => handler(String(data))),
    onClose: (handler) => void socket.on("close", handler),
    close: () => socket.close(),
  };
}
