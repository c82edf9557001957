/**
 * Sends messages over TCP at the limit of `node:net`: each is a new buffer with its length in front, a batch is one write.
 *
 *   node tcp-source.js PORT
 *
 * Prints `{}` when it is connected; answers lines, see `answerLines`.
 *
 * @module
 */
import { once } from "node:events";
import { connect } from "node:net";
import { answerLines } from "../support/answer-lines.ts";
import { BATCH_MESSAGES, BatchPump, MESSAGE_BYTES } from "../support/message-stream.ts";

const ACK_BYTES = 8;
const SIZE = 4 + MESSAGE_BYTES;

const socket = connect({ port: Number(process.argv[2]), host: "127.0.0.1", noDelay: true });
const payload = new Uint8Array(MESSAGE_BYTES).fill(7);
const pump = new BatchPump(() => {
  const batch = Buffer.allocUnsafe(BATCH_MESSAGES * SIZE);
  for (let at = 0; at < batch.byteLength; at += SIZE) {
    batch.writeUInt32BE(SIZE, at);
    batch.set(payload, at + 4);
  }
  socket.write(batch);
});
let bytes = 0;
socket.on("data", (piece) => {
  bytes += piece.byteLength;
  const batches = Math.floor(bytes / ACK_BYTES);
  bytes -= batches * ACK_BYTES;
  if (batches > 0) pump.acknowledged(batches);
});
await once(socket, "connect");
answerLines({}, { run: (seconds) => pump.run(seconds) });
