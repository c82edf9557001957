/**
 * Sends H.264 over RTP at a steady pace, alone in its process.
 *
 * One JSON line on standard input is one flight: `{"port","count","burst","packetsPerSecond"}`. Its packets go out `burst`
 * at a time; the answer `{"seconds"}` comes when the last has left. Every port has a stream of its own, which goes on with
 * the next flight. Ends with its standard input.
 *
 * @module
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { RtpStream } from "./rtp-stream.ts";

interface Flight {
  readonly port: number;
  readonly count: number;
  readonly burst: number;
  readonly packetsPerSecond: number;
}

const streams = new Map<number, RtpStream>();
const still = new Int32Array(new SharedArrayBuffer(4));

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify({ seconds: await fly(JSON.parse(line) as Flight) })}\n`);
}

/** Seconds from the first packet to the last. */
async function fly({ burst, count, packetsPerSecond, port }: Flight): Promise<number> {
  const stream = streams.get(port) ?? new RtpStream(port);
  streams.set(port, stream);
  const socket = createSocket("udp4");
  socket.on("error", () => {});
  socket.connect(port, "127.0.0.1");
  await once(socket, "connect");
  const start = performance.now();
  for (let sent = 0; sent < count; ) {
    // Timers of the event loop are whole milliseconds, which is too coarse; this wait is not.
    const wait = start + (sent / packetsPerSecond) * 1_000 - performance.now();
    if (wait > 0) Atomics.wait(still, 0, 0, wait);
    for (let i = 0; i < burst && sent < count; i++, sent++) {
      const packet = stream.next(packetsPerSecond);
      if (sent < count - 1) socket.send(packet);
      // What the kernel did not accept at once leaves before the last.
      else await new Promise((done) => socket.send(packet, done));
    }
  }
  socket.close();
  return (performance.now() - start) / 1_000;
}
