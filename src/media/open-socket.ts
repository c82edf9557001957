import type { DatagramSocket } from "../transport/index.ts";

/**
 * Opens a UDP socket, as its owner wants sockets to pass the kernel.
 *
 * @param where.host IP address to bind
 * @param where.port 0: any free port
 * @param where.exclusive not shared with other processes of a cluster
 * @param where.reuseAddress other sockets may have the port as well
 * @throws {MeanderError} `port-in-use`, `address-invalid`, `bind-failed`
 */
export type OpenSocket = (where: {
  readonly host: string;
  readonly port: number;
  readonly exclusive?: boolean;
  readonly reuseAddress?: boolean;
}) => Promise<DatagramSocket>;
