import { Child } from "./child.ts";
import { type MessageArm, measurePair } from "./message-arm.ts";
import type { NatsServer } from "./nats-server.ts";

/** How NATS delivers a message. */
export type NatsMode = "core" | "jetstream";

/**
 * Messages of 100 bytes from a publisher to one subscriber in another process.
 *
 * `core`: at most once; the subscriber answers each batch, which keeps the publisher within the window. `jetstream`: published with
 * acknowledgement into a stream in memory, consumed with an explicit acknowledgement for each message; it has ended when the
 * consumer has all.
 */
export async function measureNats(
  mode: NatsMode,
  { port, pid }: NatsServer,
  seconds: number,
): Promise<MessageArm> {
  const receiver = Child.script("limit/nats-sink.js", mode, String(port));
  await receiver.line();
  const sender = Child.script("limit/nats-source.js", mode, String(port));
  await sender.line();
  return measurePair({ sender, receiver, broker: pid }, seconds);
}
