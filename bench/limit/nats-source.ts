/**
 * The publisher of the NATS arms.
 *
 *   node nats-source.js core|jetstream PORT
 *
 * Prints `{}` when it is connected; answers lines, see `answerLines`.
 *
 * @module
 */
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { answerLines } from "../support/answer-lines.ts";
import { BATCH_MESSAGES, BatchPump, MESSAGE_BYTES } from "../support/message-stream.ts";
import { DONE_SUBJECT, SUBJECT } from "../support/nats-subjects.ts";

const [mode, port] = process.argv.slice(2);
// Traces of where a request was made are for debugging, and cost more than the request.
const connection = await connect({ servers: `127.0.0.1:${port}`, noAsyncTraces: true });
const stream = jetstream(connection);
const payload = new Uint8Array(MESSAGE_BYTES).fill(7);

function publish(): void {
  for (let index = 0; index < BATCH_MESSAGES; index++) {
    if (mode === "core") connection.publish(SUBJECT, payload);
    // A publication that fails ends the process, and with it the arm.
    else void stream.publish(SUBJECT, payload);
  }
}

const pump = new BatchPump(publish);
connection.subscribe(DONE_SUBJECT, { callback: () => pump.acknowledged() });
await connection.flush();
answerLines({}, { run: (seconds) => pump.run(seconds) });
