import { isIPv4, isIPv6, SocketAddress } from "node:net";
import { MeanderError } from "../base/index.ts";

/** A `host:port` taken apart. */
export interface HostPort {
  /** A name, or an IP address without brackets, in its usual form. */
  readonly host: string;
  /** 1..65535. */
  readonly port: number;
}

/**
 * Reads `127.0.0.1:7000`, `[::1]:7000` or `north.example:7000`.
 *
 * @throws {MeanderError} `address-invalid`
 */
export function parseAddress(text: string): HostPort {
  const match = /^(?:\[([0-9A-Fa-f:.%]{2,60})\]|([^\s:/?#@[\]]{1,253})):(\d{1,5})$/.exec(text);
  const [, bracketed, bare, digits] = match ?? [];
  const port = Number(digits);
  const isPort = port >= 1 && port <= 65_535;
  if (isPort && bare !== undefined) return { host: bare, port };
  if (isPort && bracketed !== undefined && isIPv6(bracketed)) {
    return { host: canonicalHost(bracketed), port };
  }
  throw new MeanderError("address-invalid", "not an address", {
    where: JSON.stringify(text.slice(0, 300)),
    expected: "host:port such as 127.0.0.1:7000 or [::1]:7000, with a port from 1 to 65535",
  });
}

/** `host:port`, with brackets around IPv6. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** 4 or 6 for an IP address, undefined for a name. */
export function familyOf(host: string): 4 | 6 | undefined {
  if (isIPv4(host)) return 4;
  return isIPv6(host) ? 6 : undefined;
}

/** The canonical form of an IPv6 address, as sockets report it. */
export function canonicalHost(host: string): string {
  if (!isIPv6(host) || host.includes("%")) return host;
  return new SocketAddress({ address: host, family: "ipv6" }).address;
}

/** Loopback addresses of version 4 in one of version 6, in canonical form. */
const MAPPED_LOOPBACK = /^::ffff:127\.\d+\.\d+\.\d+$/;

/**
 * True for hosts that lead to this machine alone: `localhost`, and loopback addresses of both families, those of
 * version 6 in any form. What is no address is a name, however much it looks like one (`127.1`, `127.999.1.1`): a name
 * server says where it leads.
 */
export function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  if (isIPv4(host)) return host.startsWith("127.");
  if (!isIPv6(host)) return false;
  const canonical = canonicalHost(host);
  return canonical === "::1" || MAPPED_LOOPBACK.test(canonical);
}

/**
 * Whom an IP address stands for where clients are counted: of IPv6 the /64, which one client has whole; this machine
 * has one for all its addresses.
 */
export function networkOf(address: string): string {
  const host = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (isLoopback(host)) return "127.0.0.1";
  if (!isIPv6(host)) return host;
  const [head = "", tail] = host.split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const rest = tail === undefined ? 0 : tail.split(":").filter((group) => group !== "").length;
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest);
  const all = [...groups, ...Array<string>(zeros).fill("0"), ...(tail ?? "").split(":")];
  return `${all.slice(0, 4).join(":")}::/64`;
}
