/**
 * Sends frames of H.264 over RTP at a steady pace, alone in its process.
 *
 * One JSON line on standard input is one flight: a {@link FrameFlight}. The packets of a frame leave together; the
 * answer `{"seconds"}` comes one frame's time after the last has left. Every port has a stream of its own, which goes
 * on with the next flight. Ends with its standard input.
 *
 * @module
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { FrameFlight } from "./frame-source.ts";
import { FrameStream } from "./frame-stream.ts";

const streams = new Map<number, FrameStream>();
const still = new Int32Array(new SharedArrayBuffer(4));

for await (const line of createInterface({ input: process.stdin })) {
  const seconds = await fly(JSON.parse(line) as FrameFlight);
  process.stdout.write(`${JSON.stringify({ seconds })}\n`);
}

/** Seconds that the frames stand for, as it turned out. */
async function fly(flight: FrameFlight): Promise<number> {
  const { frames, port, shape } = flight;
  const { framesPerSecond = shape.framesPerSecond } = flight;
  const stream = streams.get(port) ?? new FrameStream(port, shape);
  streams.set(port, stream);
  const socket = createSocket("udp4");
  socket.on("error", () => {});
  socket.connect(port, "127.0.0.1");
  await once(socket, "connect");
  const start = performance.now();
  for (let frame = 0; frame < frames; frame++) {
    waitUntil(start + (frame / framesPerSecond) * 1_000);
    await Promise.all(
      stream.next().map((packet) => new Promise((done) => socket.send(packet, done))),
    );
  }
  waitUntil(start + (frames / framesPerSecond) * 1_000);
  socket.close();
  return (performance.now() - start) / 1_000;
}

/** Timers of the event loop are whole milliseconds, which is too coarse; this wait is not. */
function waitUntil(at: number): void {
  const wait = at - performance.now();
  if (wait > 0) Atomics.wait(still, 0, 0, wait);
}
