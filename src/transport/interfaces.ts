import { createSocket } from "node:dgram";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { MeanderError } from "../base/index.ts";
import { canonicalHost, familyOf } from "./address.ts";

/** The network interfaces of this machine that are up, by name. */
export type ListInterfaces = () => NodeJS.Dict<NetworkInterfaceInfo[]>;

/** A network interface, in the form that sockets of one family take. */
export interface NetworkInterface {
  readonly name: string;
  /** What the socket functions for multicast take: its IPv4 address, or `::%name`. */
  readonly address: string;
  /** Its address, as a socket is bound to it. */
  readonly literal: string;
  /** True when it leads to this machine alone. */
  readonly internal: boolean;
  /** Changes when the interface becomes another, or gets other addresses. */
  readonly print: string;
}

/** The port of the discard service (RFC 863): to connect to, not to send to. */
const DISCARD = 9;

/** The interfaces of this machine. */
export const listInterfaces: ListInterfaces = networkInterfaces;

/**
 * Finds an interface by its name or one of its addresses.
 *
 * @throws {MeanderError} `interface-unknown` when there is no such interface, it is down, or it has no address of the
 *   family
 */
export function findInterface(
  text: string,
  family: 4 | 6,
  list: ListInterfaces = listInterfaces,
): NetworkInterface {
  const all = Object.entries(list()).map(([name, infos = []]) => ({ name, infos }));
  const wanted = canonicalHost(text);
  const found =
    all.find(({ name }) => name === text) ??
    all.find(({ infos }) => infos.some(({ address }) => canonicalHost(address) === wanted));
  const where = `interface ${text}`;
  if (found === undefined) {
    throw new MeanderError(
      "interface-unknown",
      "no interface that is up has that name or address",
      {
        where,
        expected: all.map(({ name }) => name).join(", ") || "an interface that is up",
      },
    );
  }
  const { name, infos } = found;
  const own = infos.filter((info) => info.family === `IPv${family}`);
  const chosen =
    own.find(({ address }) => canonicalHost(address) === wanted) ?? own.find(isRoutable) ?? own[0];
  if (chosen === undefined) {
    throw new MeanderError("interface-unknown", `it has no IPv${family} address`, {
      where,
      expected: `an interface with an IPv${family} address`,
    });
  }
  return {
    name,
    address: family === 4 ? chosen.address : `::%${name}`,
    literal: isRoutable(chosen) ? chosen.address : `${chosen.address}%${name}`,
    internal: chosen.internal,
    print: printOf(infos),
  };
}

/**
 * The name of the interface through which this machine reaches an address. Nothing is sent.
 *
 * @throws {MeanderError} `interface-unknown` when there is no route
 */
export async function interfaceTowards(host: string, list?: ListInterfaces): Promise<string> {
  const family = familyOf(host) ?? 4;
  const socket = createSocket(family === 4 ? "udp4" : "udp6");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.connect(DISCARD, host, resolve);
    });
    return findInterface(socket.address().address, family, list).name;
  } catch (cause) {
    if (cause instanceof MeanderError) throw cause;
    throw new MeanderError("interface-unknown", `no interface leads to ${host}`, { cause });
  } finally {
    socket.close();
  }
}

/** Changes when interfaces come, go, or get other addresses. */
export function interfacesPrint(list: ListInterfaces = listInterfaces): string {
  return Object.entries(list())
    .map(([name, infos = []]) => `${name} ${printOf(infos)}`)
    .join("; ");
}

/** Not of a link alone, IPv6. */
function isRoutable({ address }: NetworkInterfaceInfo): boolean {
  return !address.startsWith("fe80:");
}

function printOf(infos: readonly NetworkInterfaceInfo[]): string {
  return infos.map(({ address, mac, scopeid = 0 }) => `${address} ${mac} ${scopeid}`).join(", ");
}
