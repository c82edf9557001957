import { Child } from "./child.ts";
import { CAN_SEE_CPU, processCpuSeconds } from "./process-cpu.ts";

/** What came of sending messages of 100 bytes from one process to another for a while. */
export interface MessageArm {
  /** Delivered and acknowledged. */
  readonly messages: number;
  readonly seconds: number;
  readonly messagesPerSecond: number;
  /** CPU time of each process meanwhile, user and system. */
  readonly cpuSeconds: {
    readonly sender: number;
    readonly receiver: number;
    /** Of what stands between them; 0 where nothing does, or it cannot be seen. */
    readonly broker: number;
  };
}

/** Two programs that speak `answerLines`: the sender knows `run SECONDS`. */
export interface MessagePair {
  readonly sender: Child;
  readonly receiver: Child;
  /** Process id of what stands between them. */
  readonly broker?: number | undefined;
}

/** For just-in-time compilers to see what is hot, seconds. */
const WARM_SECONDS = 1;

/** Sends for a while and looks what came of it. Ends both programs. */
export async function measurePair(pair: MessagePair, seconds: number): Promise<MessageArm> {
  try {
    await pair.sender.ask(`run ${WARM_SECONDS}`);
    const before = await cpuOf(pair);
    const ran = await pair.sender.ask<{ messages: number; seconds: number }>(`run ${seconds}`);
    const after = await cpuOf(pair);
    return {
      messages: ran.messages,
      seconds: ran.seconds,
      messagesPerSecond: ran.messages / ran.seconds,
      cpuSeconds: {
        sender: after.sender - before.sender,
        receiver: after.receiver - before.receiver,
        broker: after.broker - before.broker,
      },
    };
  } finally {
    await Promise.all([pair.sender.stop(), pair.receiver.stop()]);
  }
}

async function cpuOf({ sender, receiver, broker }: MessagePair): Promise<MessageArm["cpuSeconds"]> {
  const seconds = async (child: Child): Promise<number> =>
    (await child.ask<{ cpuSeconds: number }>("cpu")).cpuSeconds;
  return {
    sender: await seconds(sender),
    receiver: await seconds(receiver),
    broker: broker === undefined || !CAN_SEE_CPU ? 0 : processCpuSeconds(broker),
  };
}

/** The least that Node can do: one TCP connection, one write per batch, eight bytes back for each. */
export async function measureTcpLimit(seconds: number): Promise<MessageArm> {
  const receiver = Child.script("limit/tcp-sink.js");
  const { port } = await receiver.line<{ port: number }>();
  const sender = Child.script("limit/tcp-source.js", String(port));
  await sender.line();
  return measurePair({ sender, receiver }, seconds);
}
