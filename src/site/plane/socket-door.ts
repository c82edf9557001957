import { WebSocketServer } from "ws";
import { LIMITS, MeanderError } from "../../base/index.ts";
import type { MessageSocket } from "../../directory/index.ts";
import { messageSocketOf } from "../directory-sockets.ts";
import { refuseUpgrade, type Upgrade } from "../http/http-listener.ts";
import { errorResponse } from "../http/messages.ts";

/** Time between TCP's own probes of a silent directory connection, ms. */
const PROBE_MS = 10_000;

/** Where the WebSockets on `/directory` come in. */
export class DirectoryDoor {
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LIMITS.directoryMessageBytesMax,
  });
  #handler: ((socket: MessageSocket) => void) | undefined;

  /** Who gets the sockets; until then they are refused. */
  onSocket(handler: (socket: MessageSocket) => void): void {
    this.#handler = handler;
  }

  accept({ request, socket, head }: Upgrade): void {
    const handler = this.#handler;
    if (handler === undefined) {
      const error = new MeanderError("not-leading", "this site does not lead its session", {
        where: "/directory",
        next: "see /api/session for the site that does",
      });
      refuseUpgrade(socket, errorResponse(503, error));
      return;
    }
    request.socket.setKeepAlive(true, PROBE_MS);
    this.#server.handleUpgrade(request, socket, head, (webSocket) =>
      handler(messageSocketOf(webSocket)),
    );
  }
}
