import { WebSocketServer } from "ws";
import { LIMITS, MeanderError } from "../../base/index.ts";
import { messageSocketOf } from "../../client/index.ts";
import { addressOf } from "../access/address-of.ts";
import { DIRECTORY_BACKLOG_BYTES_MAX } from "../directory-sockets.ts";
import type { Upgrade } from "../http/http-listener.ts";
import { errorResponse } from "../http/messages.ts";
import { refuseUpgrade } from "../http/write-answer.ts";
import { SOCKET_PATHS, type SocketHandler, type SocketKind } from "./plane.ts";

/** Time between TCP's own probes of a silent connection, ms. */
const PROBE_MS = 10_000;

/** Bounds of each kind of socket. */
const BOUNDS: Readonly<
  Record<SocketKind, { readonly messageBytesMax: number; readonly backlogBytesMax: number }>
> = {
  directory: {
    messageBytesMax: LIMITS.directoryMessageBytesMax,
    backlogBytesMax: DIRECTORY_BACKLOG_BYTES_MAX,
  },
  shell: {
    messageBytesMax: LIMITS.shellMessageBytesMax,
    backlogBytesMax: LIMITS.shellBacklogBytesMax,
  },
};

/** Accepts the WebSockets of one kind, which carry text messages. */
export class MessageSocketAcceptor {
  readonly #kind: SocketKind;
  readonly #server: WebSocketServer;
  #handler: SocketHandler | undefined;

  constructor(kind: SocketKind) {
    this.#kind = kind;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: BOUNDS[kind].messageBytesMax,
    });
  }

  /** Sets what handles the sockets; until then they are refused. */
  onSocket(handler: SocketHandler): void {
    this.#handler = handler;
  }

  accept({ request, socket, head, known }: Upgrade): void {
    const handler = this.#handler;
    if (handler === undefined) {
      refuseUpgrade(socket, errorResponse(503, absence(this.#kind)));
      return;
    }
    request.socket.setKeepAlive(true, PROBE_MS);
    const address = addressOf(request.socket.remoteAddress ?? "");
    this.#server.handleUpgrade(request, socket, head, (webSocket) =>
      handler(messageSocketOf(webSocket, { ...BOUNDS[this.#kind], onAdmitted: known }), address),
    );
  }
}

/** Why no handler is set. */
function absence(kind: SocketKind): MeanderError {
  const where = SOCKET_PATHS[kind];
  switch (kind) {
    case "directory":
      return new MeanderError("not-leading", "this site does not lead its session", {
        where,
        next: "see /api/session for the site that does",
      });
    case "shell":
      return new MeanderError("starting", "the site is starting", {
        where,
        next: "try again in a second",
      });
  }
}
