import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { MeanderError } from "../../base/index.ts";

/** Highest port searched. */
const PORT_MAX = 65_000;

/**
 * The first `count` ports from `base` on that are free for TCP and UDP at `host`.
 *
 * They are free now; when another program takes one before it is opened, opening fails with `port-in-use`.
 *
 * @throws {MeanderError} `port-in-use` when fewer are free
 */
export async function findFreePorts(host: string, base: number, count: number): Promise<number[]> {
  const found: number[] = [];
  for (let port = base; found.length < count; port++) {
    if (port > PORT_MAX) {
      const where = `${host}, ports from ${base}`;
      throw new MeanderError("port-in-use", `only ${found.length} ports are free`, {
        where,
        expected: `${count}`,
      });
    }
    if ((await isTcpFree(host, port)) && (await isUdpFree(host, port))) found.push(port);
  }
  return found;
}

function isTcpFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function isUdpFree(host: string, port: number): Promise<boolean> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  return new Promise((resolve) => {
    socket.once("error", () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}
