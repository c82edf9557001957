import type { Server } from "node:http";
import type { Socket } from "node:net";

/** First byte of every TLS connection: a record with a handshake. */
const TLS_HANDSHAKE = 0x16;

/**
 * The door of a site with TLS: hands a connection that speaks TLS to one server, and one that speaks plain HTTP to
 * another, which answers with an error instead of silence.
 *
 * @param servers `secure`: takes its connections as they come from a socket, TLS and all
 */
export function chooseServer(
  socket: Socket,
  servers: { readonly secure: Server; readonly plain: Server },
): void {
  socket.on("error", () => socket.destroy());
  socket.once("data", (bytes: Buffer) => {
    socket.pause();
    socket.unshift(bytes);
    const server = bytes[0] === TLS_HANDSHAKE ? servers.secure : servers.plain;
    server.emit("connection", socket);
    process.nextTick(() => socket.resume());
  });
}
