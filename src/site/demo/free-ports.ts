import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { MeanderError } from "../../base/index.ts";

/** Highest port that a search goes to. */
const PORT_MAX = 65_000;

/**
 * The first `count` ports from `base` on that are free for TCP and UDP at `host`.
 *
 * Free now: another program may be faster. That then fails with `port-in-use` at whoever opens it.
 *
 * @throws {MeanderError} `port-in-use` when there are not so many
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
