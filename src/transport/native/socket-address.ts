import { networkInterfaces } from "node:os";
import { canonicalHost, familyOf } from "../address.ts";
import { LAYOUT, SOCKET } from "./constants.ts";

/** 32-bit words of an address in memory: `sockaddr_in` has four, of which two are used; `sockaddr_in6` has seven. */
export const ADDRESS_WORDS = LAYOUT.ipv6Address / 4;

/** Ports and addresses stand in network order, so their bytes are turned when read as numbers of this machine. */
const turned16 = (value: number): number => ((value & 0xff) << 8) | (value >>> 8);

/** `struct sockaddr_in` or `sockaddr_in6`, as words. `host` is an IP address. */
export function encodeSocketAddress(host: string, port: number): Uint32Array {
  const words = new Uint32Array(ADDRESS_WORDS);
  const bytes = new Uint8Array(words.buffer);
  const isIpv4 = familyOf(host) === 4;
  words[0] = (isIpv4 ? SOCKET.afInet : SOCKET.afInet6) | (turned16(port) << 16);
  if (isIpv4) {
    bytes.set(ipv4Bytes(host), 4);
    return words;
  }
  const [address = "", zone] = host.split("%");
  bytes.set(ipv6Bytes(address), 8);
  words[6] = zone === undefined ? 0 : scopeOf(zone);
  return words;
}

/** The port of an address in memory, of which the first word is given. */
export function portOf(firstWord: number): number {
  return turned16(firstWord >>> 16);
}

/** The host of an address in memory, as Node writes it. */
export function decodeHost(words: Uint32Array, at: number): string {
  const bytes = new Uint8Array(words.buffer, words.byteOffset + at * 4, LAYOUT.ipv6Address);
  if (((words[at] as number) & 0xffff) === SOCKET.afInet) return bytes.subarray(4, 8).join(".");
  const groups: string[] = [];
  for (let offset = 8; offset < 24; offset += 2) {
    groups.push((((bytes[offset] as number) << 8) | (bytes[offset + 1] as number)).toString(16));
  }
  const host = canonicalHost(groups.join(":"));
  const scope = words[at + 6] as number;
  return scope === 0 ? host : `${host}%${zoneOf(scope)}`;
}

function ipv4Bytes(host: string): number[] {
  return host.split(".").map(Number);
}

/** RFC 4291 §2.2. `host` is an IPv6 address without a zone. */
function ipv6Bytes(host: string): number[] {
  const [before = "", after] = host.split("::");
  const front = groupBytes(before);
  const back = after === undefined ? [] : groupBytes(after);
  return [...front, ...new Array<number>(16 - front.length - back.length).fill(0), ...back];
}

function groupBytes(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return ipv4Bytes(group);
    const value = Number.parseInt(group, 16);
    return [value >>> 8, value & 0xff];
  });
}

/** The index of the interface that a zone names; 0 when there is none. */
function scopeOf(zone: string): number {
  if (/^\d{1,9}$/.test(zone)) return Number(zone);
  return scopes().find(([name]) => name === zone)?.[1] ?? 0;
}

function zoneOf(scope: number): string {
  return scopes().find(([, number]) => number === scope)?.[0] ?? String(scope);
}

/** Names of interfaces with the numbers that link-local addresses bear. */
function scopes(): [string, number][] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.flatMap((each): [string, number][] =>
      each.family === "IPv6" && each.scopeid !== 0 ? [[name, each.scopeid]] : [],
    ),
  );
}
