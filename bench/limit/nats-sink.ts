/**
 * The one subscriber of the NATS arms.
 *
 *   node nats-sink.js core|jetstream PORT
 *
 * Prints `{}` when it is subscribed; answers lines, see `answerLines`.
 *
 * @module
 */
import { AckPolicy, jetstream, jetstreamManager, StorageType } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { answerLines } from "../support/answer-lines.ts";
import { BATCH_MESSAGES, WINDOW_MESSAGES } from "../support/message-stream.ts";
import { CONSUMER, DONE_SUBJECT, STREAM, SUBJECT } from "../support/nats-subjects.ts";

const [mode, port] = process.argv.slice(2);
const connection = await connect({ servers: `127.0.0.1:${port}` });
let messages = 0;
if (mode === "core") {
  connection.subscribe(SUBJECT, { callback: count });
} else {
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: STREAM, subjects: [SUBJECT], storage: StorageType.Memory });
  await manager.consumers.add(STREAM, {
    durable_name: CONSUMER,
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: 2 * WINDOW_MESSAGES,
  });
  const consumer = await jetstream(connection).consumers.get(STREAM, CONSUMER);
  await consumer.consume({
    max_messages: WINDOW_MESSAGES,
    callback: (message) => {
      message.ack();
      count();
    },
  });
}
await connection.flush();
answerLines({}, {});

function count(): void {
  if (++messages % BATCH_MESSAGES === 0) connection.publish(DONE_SUBJECT);
}
