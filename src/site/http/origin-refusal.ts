import { WebSocketServer } from "ws";
import { ORIGIN_REFUSED_CLOSE } from "../../wire/index.ts";
import type { Upgrade } from "./http-listener.ts";

/** Time for the page to close its end, ms. */
const CLOSE_MS_MAX = 1_000;

/**
 * Refuses the links of pages whose origin is not allowed. A browser does not tell a page the HTTP status of a failed handshake,
 * so the handshake is completed and the connection closed at once with a code of its own: the page can say why. [A20]
 */
export class OriginRefusal {
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // Nothing is read from such a page.
    maxPayload: 1,
  });

  /** @param upgrade its socket is owned from now on */
  answer({ request, socket, head }: Upgrade): void {
    request.socket.setTimeout(CLOSE_MS_MAX, () => socket.destroy());
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on("error", () => webSocket.terminate());
      webSocket.close(ORIGIN_REFUSED_CLOSE, "origin-refused");
    });
  }
}
