import type { Socket as UdpSocket } from "node:dgram";
import type { Socket as TcpSocket } from "node:net";
import { SOCKET } from "./constants.ts";
import type { NativeCalls } from "./native-calls.ts";

/**
 * The descriptor of a bound UDP socket, valid until it is closed. Undefined where this version of Node does not let it be
 * seen: its public getter is deprecated, and there is no other.
 */
export function udpDescriptor(socket: UdpSocket): number | undefined {
  const state = Object.getOwnPropertySymbols(socket).find(
    ({ description }) => description === "state symbol",
  );
  return state === undefined ? undefined : handleDescriptor(Reflect.get(socket, state), "handle");
}

/** The descriptor of a connected TCP socket, valid until it is closed; undefined as above. */
export function tcpDescriptor(socket: TcpSocket): number | undefined {
  return handleDescriptor(socket, "_handle");
}

/**
 * Lets the kernel call a TCP socket writable only when fewer than `bytes` of what it took are not sent yet, so that what
 * is old waits where it can still be dropped. False: not possible here.
 */
export function setNotSentLowWater(calls: NativeCalls, socket: TcpSocket, bytes: number): boolean {
  const descriptor = tcpDescriptor(socket);
  if (descriptor === undefined) return false;
  return calls.setOption(descriptor, SOCKET.solTcp, SOCKET.tcpNotSentLowWater, bytes) === 0;
}

function handleDescriptor(owner: unknown, key: string): number | undefined {
  const handle = isObject(owner) ? Reflect.get(owner, key) : undefined;
  const descriptor = isObject(handle) ? Reflect.get(handle, "fd") : undefined;
  return typeof descriptor === "number" && descriptor >= 0 ? descriptor : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
