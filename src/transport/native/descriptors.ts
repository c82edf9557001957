import type { Socket as UdpSocket } from "node:dgram";
import type { Socket as TcpSocket } from "node:net";
import { SOCKET } from "./constants.ts";
import type { NativeCalls } from "./native-calls.ts";

/**
 * The descriptor of a bound UDP socket, valid until it is closed. Undefined where this version of Node does not let it be
 * seen: its public getter is deprecated, and there is no other.
 */
export function udpDescriptor(socket: UdpSocket): number | undefined {
  return descriptorOf(udpHandle(socket));
}

/** What Node receives a UDP socket's datagrams by. */
export interface ReceivingHandle {
  readonly fd: number;
  recvStart(): unknown;
  recvStop(): unknown;
}

/** That of a bound UDP socket; undefined as above. */
export function receivingHandle(socket: UdpSocket): ReceivingHandle | undefined {
  const handle = udpHandle(socket);
  return isReceiving(handle) && handle.fd >= 0 ? handle : undefined;
}

function isReceiving(handle: unknown): handle is ReceivingHandle {
  if (!isObject(handle)) return false;
  const isFunction = (name: string): boolean => typeof Reflect.get(handle, name) === "function";
  return (
    typeof Reflect.get(handle, "fd") === "number" &&
    isFunction("recvStart") &&
    isFunction("recvStop")
  );
}

/** The descriptor of a connected TCP socket, valid until it is closed; undefined as above. */
export function tcpDescriptor(socket: TcpSocket): number | undefined {
  return descriptorOf(Reflect.get(socket, "_handle"));
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

function udpHandle(socket: UdpSocket): unknown {
  const state = Object.getOwnPropertySymbols(socket).find(
    ({ description }) => description === "state symbol",
  );
  const kept = state === undefined ? undefined : Reflect.get(socket, state);
  return isObject(kept) ? Reflect.get(kept, "handle") : undefined;
}

function descriptorOf(handle: unknown): number | undefined {
  const descriptor = isObject(handle) ? Reflect.get(handle, "fd") : undefined;
  return typeof descriptor === "number" && descriptor >= 0 ? descriptor : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
