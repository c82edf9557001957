import { createRequire } from "node:module";
import { endianness } from "node:os";
import type * as Koffi from "koffi";
import { BatchMemory } from "./batch-memory.ts";
import { LAYOUT, POLL, POLL_EVENT, SOCKET } from "./constants.ts";
import { DeferredTasks } from "./deferred-tasks.ts";
import type { Native, NativeCalls } from "./native-calls.ts";
import { bindWatch } from "./watch.ts";
import type { WatchShutdownEnd } from "./watch-shutdown.ts";

/**
 * The native calls of this thread. They need Linux on x64 or arm64, and `koffi`, which is an optional dependency.
 *
 * @param options `disabled`: use none. `watchShutdown`: for a thread that another one may end; without it, Node waits
 *   for arrivals in such a thread
 */
export function loadNative(options: {
  readonly disabled: boolean;
  readonly watchShutdown?: WatchShutdownEnd | undefined;
}): Native {
  const { watchShutdown, disabled } = options;
  if (disabled) return { calls: undefined, absence: "switched-off" };
  const isKnown = process.platform === "linux" && ["x64", "arm64"].includes(process.arch);
  if (!isKnown || endianness() !== "LE") return { calls: undefined, absence: "not-linux" };
  try {
    const koffi = createRequire(import.meta.url)("koffi") as typeof Koffi;
    if (!hasLayout(koffi)) return { calls: undefined, absence: "no-library" };
    return { calls: bindCalls(koffi, watchShutdown), absence: undefined };
  } catch {
    return { calls: undefined, absence: "no-library" };
  }
}

/** Whether structures lie in memory as {@link LAYOUT} says. */
function hasLayout(koffi: typeof Koffi): boolean {
  const pointer = "void *";
  const header = koffi.struct({
    name: pointer,
    nameLength: "uint",
    pieces: pointer,
    pieceCount: "size_t",
    control: pointer,
    controlLength: "size_t",
    flags: "int",
  });
  const message = koffi.struct({ header, length: "uint" });
  const piece = koffi.struct({ base: pointer, length: "size_t" });
  return (
    koffi.sizeof(header) === LAYOUT.messageHeader &&
    koffi.sizeof(message) === LAYOUT.message &&
    koffi.sizeof(piece) === LAYOUT.iovec &&
    koffi.offsetof(header, "control") === LAYOUT.control &&
    koffi.offsetof(message, "length") === LAYOUT.length
  );
}

/** Addresses are passed as numbers: they are below 2^53, and big integers would be garbage in every call. */
function bindCalls(koffi: typeof Koffi, watchShutdown: WatchShutdownEnd | undefined): NativeCalls {
  const library = koffi.load(null);
  const messages = ["int", "uint64_t", "uint", "int"];
  const sendmmsg = library.func("sendmmsg", "int", messages);
  const recvmmsg = library.func("recvmmsg", "int", [...messages, "uint64_t"]);
  const send = library.func("send", "int64_t", ["int", "uint64_t", "size_t", "int"]);
  const recvmsg = library.func("recvmsg", "int64_t", ["int", "uint64_t", "int"]);
  const option = ["int", "int", "int", "uint64_t"];
  const setsockopt = library.func("setsockopt", "int", [...option, "uint"]);
  const getsockopt = library.func("getsockopt", "int", [...option, "uint64_t"]);
  const ioctl = library.func("ioctl", "int", ["int", "ulong", "uint64_t"]);
  const receive = library.func("recv", "int64_t", ["int", "uint64_t", "size_t", "int"]);
  const epollCreate = library.func("epoll_create1", "int", ["int"]);
  const epollControl = library.func("epoll_ctl", "int", ["int", "int", "int", "uint64_t"]);
  const epollWait = library.func("epoll_wait", "int", ["int", "uint64_t", "int", "int"]);
  const close = library.func("close", "int", ["int"]);
  const addressOf = (memory: Uint8Array): number => Number(koffi.address(memory));
  const watch = bindWatch(koffi, library, addressOf, watchShutdown);
  const memory = new BatchMemory(addressOf);
  // One number for the kernel to read or write, and the length of it.
  const bytes = new Uint8Array(new ArrayBuffer(64));
  const numbers = new Int32Array(bytes.buffer);
  const valueAddress = addressOf(bytes);
  const lengthAddress = valueAddress + 4;
  const orError = (result: number): number => (result < 0 ? -koffi.errno() : result);
  const readValue = (result: number): number => (result < 0 ? -koffi.errno() : (numbers[0] ?? 0));

  return {
    memory,
    deferred: new DeferredTasks(),
    ...(watch === undefined ? {} : { watch }),
    addressOf,
    sendmmsg: (descriptor, headers, count) =>
      orError(sendmmsg(descriptor, headers, count, SOCKET.msgDontWait)),
    recvmmsg: (descriptor, headers, count) =>
      orError(recvmmsg(descriptor, headers, count, SOCKET.msgDontWait, 0)),
    takeError: (descriptor, header) =>
      orError(Number(recvmsg(descriptor, header, SOCKET.msgErrQueue | SOCKET.msgDontWait))),
    send: (descriptor, address, byteLength) =>
      orError(send(descriptor, address, byteLength, SOCKET.msgDontWait | SOCKET.msgNoSignal)),
    receive: (descriptor, address, byteLength) =>
      orError(receive(descriptor, address, byteLength, SOCKET.msgDontWait)),
    openPoll: () => orError(epollCreate(POLL.closeOnExec)),
    setPoll(poll, descriptor, isWatched) {
      numbers[0] = POLL.in | POLL.peerEnded;
      numbers[POLL_EVENT.descriptor / 4] = descriptor;
      const operation = isWatched ? POLL.add : POLL.remove;
      return orError(epollControl(poll, operation, descriptor, valueAddress));
    },
    lookAtPoll: (poll, events, count) => orError(epollWait(poll, events, count, 0)),
    closeDescriptor: (descriptor) => void close(descriptor),
    setOption(descriptor, level, name, value) {
      numbers[0] = value;
      return orError(setsockopt(descriptor, level, name, valueAddress, 4));
    },
    getOption(descriptor, level, name) {
      numbers[0] = 0;
      numbers[1] = 4;
      return readValue(getsockopt(descriptor, level, name, valueAddress, lengthAddress));
    },
    unsentBytes(descriptor) {
      numbers[0] = 0;
      return readValue(ioctl(descriptor, SOCKET.siocOutqNsd, valueAddress));
    },
  };
}
