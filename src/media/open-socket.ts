import type { DatagramSocket } from "../transport/index.ts";

/**
 * Opens a UDP socket, with the owner's choice of native calls.
 *
 * @param where.host IP address to bind
 * @param where.port 0: any free port
 * @param where.exclusive not shared with other processes of a cluster
 * @param where.reuseAddress other sockets may use the port too
 * @throws {MeanderError} `port-in-use`, `address-invalid`, `bind-failed`
 */
export type OpenSocket = (where: {
  readonly host: string;
  readonly port: number;
  readonly exclusive?: boolean;
  readonly reuseAddress?: boolean;
}) => Promise<DatagramSocket>;
