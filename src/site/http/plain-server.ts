import { createServer, type Server, type ServerOptions } from "node:http";
import { tlsRequired } from "./refusals.ts";
import { refuseGarbage, refuseUpgrade, writeAnswer } from "./write-answer.ts";

/** Tells a client that speaks plain HTTP that the port speaks TLS. */
export function plainServer(settings: ServerOptions): Server {
  const server = createServer(settings, (_request, response) => {
    response.setHeader("connection", "close");
    writeAnswer(response, tlsRequired(), undefined);
  });
  server.on("upgrade", (_request, socket) => {
    socket.on("error", () => socket.destroy());
    refuseUpgrade(socket, tlsRequired());
  });
  return server.on("clientError", refuseGarbage);
}
