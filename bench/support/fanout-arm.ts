import type { Forwarder } from "./forwarder.ts";
import type { PacketSink } from "./packet-sink.ts";
import type { RtpSource } from "./rtp-source.ts";

/** What one forwarder did with one flight of packets. */
export interface Arm {
  /** That reached subscribers. */
  readonly packets: number;
  readonly expected: number;
  /** Of the forwarder's process. */
  readonly cpuSeconds: number;
  readonly seconds: number;
}

/** What stands around a forwarder. */
export interface ArmSetting {
  readonly source: RtpSource;
  readonly sink: PacketSink;
  /** At the input. */
  readonly packetsPerSecond: number;
}

/** Sends for a while and measures. Nothing else may run meanwhile. */
export async function measureArm(
  forwarder: Forwarder,
  { packetsPerSecond, sink, source }: ArmSetting,
  { burst, seconds }: { readonly burst: number; readonly seconds: number },
): Promise<Arm> {
  const count = Math.round(packetsPerSecond * seconds);
  const expected = count * sink.ports.length;
  const packetsBefore = await sink.count();
  const cpuBefore = await forwarder.cpuSeconds();
  const took = await source.send({ port: forwarder.port, count, burst, packetsPerSecond });
  const packets = (await sink.settled(packetsBefore + expected)) - packetsBefore;
  const cpuSeconds = (await forwarder.cpuSeconds()) - cpuBefore;
  return { packets, expected, seconds: took, cpuSeconds };
}

/** Time in which a forwarder has to pass everything on, ms. */
const READY_MS_MAX = 90_000;

/**
 * Settles once a forwarder has passed everything on for so long. @throws {Error} when it does not
 *
 * @param seconds with packets one by one, and as many with bursts
 */
export async function warmUp(
  forwarder: Forwarder,
  setting: ArmSetting,
  seconds: number,
): Promise<void> {
  const deadline = performance.now() + READY_MS_MAX;
  // Receivers that join late are sent what was before.
  await setting.sink.settled(Number.POSITIVE_INFINITY);
  for (;;) {
    await measureArm(forwarder, setting, { burst: 1, seconds });
    const { expected, packets } = await measureArm(forwarder, setting, { burst: 10, seconds });
    if (packets === expected) return;
    if (performance.now() > deadline) {
      throw new Error(`only ${packets} of ${expected} packets reached the subscribers`);
    }
  }
}
