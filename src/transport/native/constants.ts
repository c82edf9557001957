/** Numbers of the Linux kernel's interface, the same on x64 and arm64. */

/** Sizes and places within structures, bytes. */
export const LAYOUT = {
  iovec: 16,
  /** `struct mmsghdr`: a `struct msghdr` of 56 bytes, then the length of what was sent or received. */
  message: 64,
  messageHeader: 56,
  name: 0,
  nameLength: 8,
  pieces: 16,
  pieceCount: 24,
  control: 32,
  controlLength: 40,
  /** Length received, behind the header. */
  length: 56,
  /** Room for one `struct sockaddr_in` or `sockaddr_in6`. */
  address: 32,
  ipv4Address: 16,
  ipv6Address: 28,
  /** A control message with one 16-bit number: header, number, padding. */
  segmentControl: 24,
  segmentControlLength: 18,
  /** Where a control message's contents start. */
  controlData: 16,
} as const;

export const SOCKET = {
  solIp: 0,
  solTcp: 6,
  solUdp: 17,
  solIpv6: 41,
  ipMtuDiscover: 10,
  /** Values of the above: whether the kernel fragments what exceeds the path MTU, or refuses it. */
  pmtuWant: 1,
  pmtuDo: 2,
  ipRecvErr: 11,
  ipv6RecvErr: 25,
  udpSegment: 103,
  udpGro: 104,
  tcpNotSentLowWater: 25,
  afInet: 2,
  afInet6: 10,
  msgDontWait: 0x40,
  msgErrQueue: 0x2000,
  msgNoSignal: 0x4000,
  siocOutqNsd: 0x894b,
  /** Of `fcntl`. */
  duplicateCloseOnExec: 1030,
} as const;

/** Of `epoll`. */
export const POLL = {
  closeOnExec: 0x80000,
  add: 1,
  remove: 2,
  in: 1,
  /** EPOLLRDHUP. */
  peerEnded: 0x2000,
} as const;

/** `struct epoll_event`, bytes: what happened, then the descriptor. Packed on x64 alone. */
export const POLL_EVENT =
  process.arch === "x64"
    ? ({ size: 12, events: 0, descriptor: 4 } as const)
    : ({ size: 16, events: 0, descriptor: 8 } as const);

/** Errors that are handled by name; others are counted as `error-other`. */
export const ERRNO = {
  EPERM: 1,
  EINTR: 4,
  EIO: 5,
  EAGAIN: 11,
  EACCES: 13,
  EINVAL: 22,
  ENOSYS: 38,
  EMSGSIZE: 90,
  ENETUNREACH: 101,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(ERRNO).map(([name, number]) => [number, name]),
);

/** `EAGAIN` for 11; `other` for what has no name here. */
export function errorName(number: number): string {
  return NAMES.get(number) ?? "other";
}
