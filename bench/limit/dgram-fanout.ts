/**
 * Fan-out at the limit of `node:dgram`: receives on a UDP port of its own and sends each datagram to every destination,
 * with nothing in between.
 *
 *   node dgram-fanout.js PORT,PORT,…     destinations on 127.0.0.1
 *
 * Prints `{"port":N}` when it listens, its CPU seconds for each line on standard input, and ends with that.
 *
 * @module
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createInterface } from "node:readline";

const ports = (process.argv[2] ?? "").split(",").map(Number);
// Connected sockets: without them every send looks its address up.
const destinations = await Promise.all(ports.map(connect));

const input = createSocket("udp4", (packet) => {
  for (const destination of destinations) destination.send(packet);
});
input.bind(0, "127.0.0.1");
await once(input, "listening");
input.setRecvBufferSize(4 * 1024 * 1024);
process.stdout.write(`${JSON.stringify({ port: input.address().port })}\n`);

createInterface({ input: process.stdin })
  .on("line", () => {
    const { system, user } = process.cpuUsage();
    process.stdout.write(`${JSON.stringify({ cpuSeconds: (user + system) / 1e6 })}\n`);
  })
  .on("close", () => process.exit(0));

async function connect(port: number): Promise<Socket> {
  const socket = createSocket("udp4");
  // The receiver has gone: the sink counts that.
  socket.on("error", () => {});
  socket.connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}
