import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { LIMITS, MeanderError } from "../../base/index.ts";
import {
  holdInput,
  type Publication,
  type PublishOptions,
  publishingOf,
} from "../publish/index.ts";
import { FineWall } from "./fine-wall.ts";
import { SendPacer } from "./send-pacer.ts";
import { encodeTestPacket, TEST_PACKET_BYTES_MIN, testSdp } from "./test-packet.ts";

/** What is to be sent. */
export interface TestSending {
  /** Of RTP, on average. */
  readonly bitsPerSecond: number;
  /** Together with the rate, this gives the bytes of every packet. */
  readonly packetsPerSecond: number;
  /** Between two corrections of the interval, ms; undefined: none. */
  readonly adaptMs?: number | undefined;
  /** Undefined: until it is closed. */
  readonly durationMs?: number | undefined;
}

/** What a test stream's sender has done so far. */
export interface TestSendCounts {
  readonly run: number;
  readonly packetBytes: number;
  readonly sent: number;
  readonly bytes: number;
  /** The average since the first packet. */
  readonly bitsPerSecond: number;
  /** At present, ms. */
  readonly intervalMs: number;
  readonly corrections: number;
}

/** A test stream that is being published. */
export interface TestPublication extends Publication {
  readonly counts: TestSendCounts;
}

/**
 * Publishes a test stream: RTP in packets of one size, each with its number and the time when it was sent.
 *
 * @throws {MeanderError} `test-rate-invalid` when packets of that rate would be too small or too large, and what the
 *   site refuses with
 */
export async function sendTestStream(
  sending: TestSending,
  options: PublishOptions,
): Promise<TestPublication> {
  const packetBytes = packetBytesOf(sending);
  const publishing = publishingOf(options);
  const { client, channel, clock, random } = publishing;
  const answer = await client.publishSdp(channel, testSdp(channel), {
    ...options,
    ports: "assign",
  });
  const port = answer.tracks[0]?.rtpPort ?? 0;
  const socket = await openSocket(answer.host);
  const run = random.uint32();
  const wall = new FineWall(clock);
  const beganAt = clock.now();
  const pacer = new SendPacer({
    ...{ packetBytes, clock, bitsPerSecond: sending.bitsPerSecond, adaptMs: sending.adaptMs },
    send(number) {
      const mark = { run, number, sentWallMs: wall.read() };
      socket.send(
        encodeTestPacket(mark, packetBytes, clock.now() - beganAt),
        port,
        answer.host,
        () => {},
      );
    },
  });
  let counts = (): TestSendCounts => countsOf(run, packetBytes, pacer);
  let isOver = false;
  let finish = (): void => {};
  const ended = new Promise<undefined>((resolve) => {
    finish = () => resolve(undefined);
  });
  const cancel =
    sending.durationMs === undefined
      ? () => {}
      : clock.after("end of the test", sending.durationMs, () => stop());
  const stop = (): void => {
    if (isOver) return;
    isOver = true;
    cancel();
    pacer.stop();
    const last = counts();
    counts = () => last;
    // Closed when the last datagram has left.
    socket.close(() => finish());
  };
  pacer.start();
  const held = holdInput(publishing, answer, { ended, stop });
  return {
    answer: held.answer,
    ended: held.ended,
    close: () => held.close(),
    get counts() {
      return counts();
    },
  };
}

function countsOf(run: number, packetBytes: number, pacer: SendPacer): TestSendCounts {
  const { sent, bitsPerSecond, intervalMs, corrections } = pacer;
  return {
    ...{ run, packetBytes, sent, bytes: sent * packetBytes },
    ...{ bitsPerSecond, intervalMs, corrections },
  };
}

/** Bytes of each packet: the rate divided by the packets per second. */
function packetBytesOf({ bitsPerSecond, packetsPerSecond }: TestSending): number {
  const bytes = Math.round(bitsPerSecond / packetsPerSecond / 8);
  if (bytes >= TEST_PACKET_BYTES_MIN && bytes <= LIMITS.datagramBytesMax) return bytes;
  throw new MeanderError(
    "test-rate-invalid",
    `each packet would have ${bytes} bytes: ${bitsPerSecond} bit/s, ${packetsPerSecond} of them per second`,
    {
      where: "rate of a test stream",
      expected: `packets of ${TEST_PACKET_BYTES_MIN} to ${LIMITS.datagramBytesMax} bytes`,
      next: `change the packets per second, or the rate`,
    },
  );
}

async function openSocket(host: string): Promise<Socket> {
  const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4" });
  // A site that is away comes back: it is watched by itself.
  socket.on("error", () => {});
  socket.bind({ address: isIPv6(host) ? "::" : "0.0.0.0", port: 0 });
  await once(socket, "listening");
  return socket;
}
