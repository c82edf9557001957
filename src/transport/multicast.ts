import { BlockList } from "node:net";
import { MeanderError, messageOf } from "../base/index.ts";
import { familyOf } from "./address.ts";
import type { DatagramSocket } from "./datagrams.ts";
import { findInterface, type ListInterfaces } from "./interfaces.ts";

/** Receivers of multicast, as a socket finds them. */
export interface MulticastGroup {
  /** IP address, 224.0.0.0 to 239.255.255.255 or ff00::/8. */
  readonly address: string;
  /** Accepted senders (RFC 4607); empty: all. */
  readonly sources?: readonly string[] | undefined;
  /** Name or address of the interface; absent: the system chooses. */
  readonly interface?: string | undefined;
}

const GROUPS = new BlockList();
GROUPS.addSubnet("224.0.0.0", 4, "ipv4");
GROUPS.addSubnet("ff00::", 8, "ipv6");

/** True for the addresses of groups, of both families. */
export function isMulticast(host: string): boolean {
  const family = familyOf(host);
  return family !== undefined && GROUPS.check(host.replace(/%.*$/, ""), `ipv${family}`);
}

/**
 * The family of a group's address.
 *
 * @throws {MeanderError} `multicast-refused` for any other address
 */
export function familyOfGroup(address: string): 4 | 6 {
  const family = familyOf(address);
  if (family !== undefined && isMulticast(address)) return family;
  throw new MeanderError("multicast-refused", "not a multicast address", {
    where: `group ${address}`,
    expected: "224.0.0.0 to 239.255.255.255, or an IPv6 address that starts with ff",
  });
}

/**
 * The address that a receiver of a group binds: the group, so that it gets nothing that is sent to other addresses on
 * that port, where the system allows that. Windows can bind local addresses only.
 *
 * @throws {MeanderError} `multicast-refused` for any other address
 */
export function groupBinding(group: string): string {
  const family = familyOfGroup(group);
  if (process.platform !== "win32") return group;
  return family === 4 ? "0.0.0.0" : "::";
}

/** Where a socket has joined; what it takes to leave. */
export interface JoinedAt {
  readonly address: string | undefined;
}

/**
 * Joins a group.
 *
 * @throws {MeanderError} `multicast-refused`, `interface-unknown`
 */
export function joinGroup(
  socket: Pick<DatagramSocket, "multicast">,
  group: MulticastGroup,
  list?: ListInterfaces,
): JoinedAt {
  const family = familyOfGroup(group.address);
  const { sources = [] } = group;
  const on = group.interface;
  const address = on === undefined ? undefined : findInterface(on, family, list).address;
  const literal = withoutZone(group.address);
  const { multicast } = socket;
  try {
    for (const source of sources) multicast.addSourceSpecificMembership(source, literal, address);
    if (sources.length === 0) multicast.addMembership(literal, address);
  } catch (cause) {
    leaveGroup(socket, group, { address });
    throw refused(`cannot join the group: ${messageOf(cause)}`, group, cause);
  }
  return { address };
}

/** Leaves a group. Does nothing when the socket is not a member. */
export function leaveGroup(
  { multicast }: Pick<DatagramSocket, "multicast">,
  group: MulticastGroup,
  { address }: JoinedAt,
): void {
  try {
    // Ends all sources as well, also when the interface is gone.
    multicast.dropMembership(withoutZone(group.address), address);
  } catch {
    // The interface is gone, and the membership with it.
  }
}

/** How a socket sends to groups. */
export interface MulticastSending {
  /** Routers that a datagram passes, and one: 1 stays in the network. 1..255. */
  readonly ttl: number;
  /** Name or address of the interface; absent: the system chooses. */
  readonly interface?: string | undefined;
}

/**
 * Sets how a socket sends to groups; receivers on this machine get it, too.
 *
 * @throws {MeanderError} `multicast-refused`, `interface-unknown`
 */
export function setMulticastSending(
  { family, multicast }: Pick<DatagramSocket, "family" | "multicast">,
  sending: MulticastSending,
  list?: ListInterfaces,
): void {
  const on = sending.interface;
  const address = on === undefined ? undefined : findInterface(on, family, list).address;
  try {
    if (address !== undefined) multicast.setMulticastInterface(address);
    multicast.setMulticastTTL(sending.ttl);
    multicast.setMulticastLoopback(true);
  } catch (cause) {
    throw new MeanderError("multicast-refused", `cannot send so: ${messageOf(cause)}`, {
      where: on === undefined ? "multicast" : `interface ${on}`,
      cause,
    });
  }
}

function refused(what: string, group: MulticastGroup, cause: unknown): MeanderError {
  const { address, sources = [] } = group;
  const on = group.interface === undefined ? "" : ` on interface ${group.interface}`;
  const from = sources.length === 0 ? "" : ` from ${sources.join(", ")}`;
  return new MeanderError("multicast-refused", what, {
    where: `group ${address}${from}${on}`,
    expected: "a group that this machine may join, and sources of its address family",
    next: "name an interface that is up and has an address of that family",
    cause,
  });
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, "");
}
