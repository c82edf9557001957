/**
 * Receives messages over TCP at the limit of `node:net`: counts bytes, and answers eight for each batch.
 *
 * Prints `{"port":N}` when it listens; answers lines, see `answerLines`.
 *
 * @module
 */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { answerLines } from "../support/answer-lines.ts";
import { BATCH_MESSAGES, MESSAGE_BYTES } from "../support/message-stream.ts";

const BATCH_BYTES = BATCH_MESSAGES * (4 + MESSAGE_BYTES);
const ACK_BYTES = 8;

const server = createServer({ noDelay: true }, (socket) => {
  let bytes = 0;
  socket.on("error", () => {});
  socket.on("data", (piece) => {
    bytes += piece.byteLength;
    const batches = Math.floor(bytes / BATCH_BYTES);
    bytes -= batches * BATCH_BYTES;
    if (batches > 0) socket.write(new Uint8Array(ACK_BYTES * batches));
  });
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
answerLines({ port: (server.address() as AddressInfo).port }, {});
