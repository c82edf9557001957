import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { type Clock, LIMITS, MeanderError } from "../base/index.ts";
import type { Connection } from "../stack/index.ts";
import type { NativeStreams } from "./native/native-streams.ts";
import { peerOf } from "./tcp-connection.ts";
import { type MessageWriter, WebSocketConnection } from "./websocket-connection.ts";
import { FrameCache } from "./websocket-frame.ts";

/** The server's side of WebSocket connections, behind an HTTP server's `upgrade` event. */
export class WebSocketAcceptor {
  readonly #clock: Clock;
  readonly #native: NativeStreams | undefined;
  readonly #frames = new FrameCache();
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LIMITS.batchBytesMax,
  });

  /** @param options `native`: what passes by the runtime's streams */
  constructor(options: { readonly clock: Clock; readonly native?: NativeStreams | undefined }) {
    this.#clock = options.clock;
    this.#native = options.native;
  }

  /** Frames made so far: fewer than messages sent, where one buffer went to many. */
  get framesMade(): number {
    return this.#frames.madeCount;
  }

  /**
   * Answers an upgrade request. The socket belongs to the connection from now on; a request that is not right is
   * answered with an HTTP error.
   *
   * @throws {MeanderError} `upgrade-invalid`
   */
  accept(request: IncomingMessage, socket: Duplex, head: Uint8Array): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const peer = peerOf(socket);
      const onClose = (): void =>
        reject(
          new MeanderError("upgrade-invalid", "the WebSocket handshake failed", {
            where: peer,
            expected: "an upgrade request as in RFC 6455 §4.1",
          }),
        );
      socket.once("close", onClose);
      this.#server.handleUpgrade(request, socket, Buffer.from(head), (webSocket) => {
        socket.off("close", onClose);
        const writer = this.#writer(socket);
        resolve(new WebSocketConnection(webSocket, writer, { clock: this.#clock, peer }));
      });
    });
  }

  /**
   * Goes past the library: one write of a frame that all connections share. Whole frames only, so that its pongs and
   * close frames find their place between them.
   */
  #writer(socket: Duplex): MessageWriter {
    const stream = this.#native?.writes.writerTo(socket) ?? socket;
    return {
      write: (payload) => {
        const frame = this.#frames.frameOf(payload);
        stream.write(frame);
        return frame.byteLength;
      },
      pending: () => socket.writableLength,
    };
  }
}
