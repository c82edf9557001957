import { WebSocketServer } from "ws";
import type { Clock } from "../../base/index.ts";
import { ORIGIN_REFUSED_CLOSE } from "../../wire/index.ts";
import type { Upgrade } from "./http-listener.ts";

/** Time for the page to close its end, ms. */
const CLOSE_MS_MAX = 1_000;

/**
 * Refuses the links of pages whose origin is not allowed. A browser does not tell a page the HTTP status of a failed
 * handshake,
 * so the handshake is completed and the connection closed at once with a code of its own: the page can say why. [A20]
 */
export class OriginRefusal {
  readonly #clock: Clock;
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // Nothing is read from such a page.
    maxPayload: 1,
  });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param upgrade its socket is owned from now on */
  answer({ request, socket, head }: Upgrade): void {
    const cancel = this.#clock.after("refused link", CLOSE_MS_MAX, () => socket.destroy());
    socket.once("close", cancel);
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on("error", () => webSocket.terminate());
      webSocket.close(ORIGIN_REFUSED_CLOSE, "origin-refused");
    });
  }
}
