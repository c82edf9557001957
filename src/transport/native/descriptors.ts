import type { Socket as UdpSocket } from "node:dgram";
import type { Socket as TcpSocket } from "node:net";
import { SOCKET } from "./constants.ts";
import type { NativeCalls } from "./native-calls.ts";

/**
 * The descriptor of a bound UDP socket, valid until it is closed. Undefined where this version of Node does not expose
 * it: its public getter is deprecated, and there is no other.
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
  return hasFunctions<ReceivingHandle>(handle, "recvStart", "recvStop") && handle.fd >= 0
    ? handle
    : undefined;
}

/** The descriptor of a connected TCP socket, valid until it is closed; undefined as above. */
export function tcpDescriptor(socket: TcpSocket): number | undefined {
  return descriptorOf(Reflect.get(socket, "_handle"));
}

/** What Node reads a TCP socket by. */
export interface ReadingHandle {
  readonly fd: number;
  /** Whether Node is reading it. */
  readonly reading: boolean;
  readStart(): unknown;
  readStop(): unknown;
}

/** That of a connected TCP socket which Node reads from; undefined as above. */
export function readingHandle(socket: TcpSocket): ReadingHandle | undefined {
  const handle: unknown = Reflect.get(socket, "_handle");
  if (!hasFunctions<ReadingHandle>(handle, "readStart", "readStop")) return undefined;
  return handle.fd >= 0 && handle.reading === true ? handle : undefined;
}

/**
 * Makes the kernel report a TCP socket writable only when fewer than `bytes` of what it accepted are unsent, so that
 * stale data waits where it can still be dropped. False: not possible here.
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

/** Whether it has a descriptor and these functions: none of this is promised by Node. */
function hasFunctions<T extends { readonly fd: number }>(
  handle: unknown,
  ...names: readonly (keyof T & string)[]
): handle is T {
  if (!isObject(handle) || typeof Reflect.get(handle, "fd") !== "number") return false;
  return names.every((name) => typeof Reflect.get(handle, name) === "function");
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
