/**
 * Drains many UDP ports where there is no C compiler for `sink.c`; same arguments, same answers.
 *
 * @module
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createInterface } from "node:readline";

const [count, bytesExpected] = process.argv.slice(2).map(Number);
let packets = 0;

const sockets = await Promise.all(Array.from({ length: count ?? 0 }, open));
process.stdout.write(
  `${JSON.stringify({ ports: sockets.map((socket) => socket.address().port) })}\n`,
);

createInterface({ input: process.stdin })
  .on("line", () => process.stdout.write(`${JSON.stringify({ packets })}\n`))
  .on("close", () => process.exit(0));

async function open(): Promise<Socket> {
  const socket = createSocket("udp4", ({ byteLength }) => {
    if (byteLength === bytesExpected) packets++;
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  socket.setRecvBufferSize(1024 * 1024);
  return socket;
}
