import { readFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import type * as Koffi from "koffi";
import { ArrivalWait, type Awaited } from "./arrival-wait.ts";
import { SOCKET } from "./constants.ts";
import { bindEventLoop } from "./event-loop.ts";
import type { NativeCalls } from "./native-calls.ts";
import { onWatchShutdown, type WatchShutdownEnd } from "./watch-shutdown.ts";

/** `RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE` of `dlopen`. */
const PIN = 0x2 | 0x4 | 0x1000;

/**
 * Undefined when the library, or this version of Node, lacks what it takes.
 *
 * @param watchShutdown of a thread that another one may end
 */
export function bindWatch(
  koffi: typeof Koffi,
  library: Koffi.LibraryHandle,
  addressOf: NativeCalls["addressOf"],
  watchShutdown: WatchShutdownEnd | undefined,
): NativeCalls["watch"] {
  if (watchShutdown === undefined && !isMainThread) return undefined;
  // Tasks deferred to "the next tick" in a callback of the library would wait for one of Node's: this runs them at
  // once.
  const runTicks: unknown = Reflect.get(process, "_tickCallback");
  if (typeof runTicks !== "function" || typeof Reflect.get(koffi.node, "poll") !== "function") {
    return undefined;
  }
  if (!pin(library)) return undefined;
  const loop = bindEventLoop(koffi, library);
  const poll = library.func("poll", "int", ["uint64_t", "ulong", "int"]);
  const wait = loop && new ArrivalWait({ loop, poll, addressOf });
  // The global is a getter, which would run for each packet.
  const { process: self } = globalThis;
  const fcntl = library.func("fcntl", "int", ["int", "int", "..."]);
  const close = library.func("close", "int", ["int"]);
  /** Ends of the watches there are. */
  const open = new Set<() => void>();
  let isHeld = false;
  const hold = (): void => {
    isHeld = true;
    for (const end of [...open]) end();
  };
  if (watchShutdown !== undefined) {
    process.once("exit", hold);
    onWatchShutdown(watchShutdown, hold);
  }
  return (descriptor, onReadable) => {
    if (isHeld) return undefined;
    // A duplicate: the event loop accepts a descriptor once only, and Node may still send by the other.
    const own = fcntl(descriptor, SOCKET.duplicateCloseOnExec, "int", 0) as number;
    if (own < 0) return undefined;
    let handle: Koffi.node.PollHandle | undefined;
    const end = (): void => {
      if (handle === undefined) return;
      handle.close();
      handle = undefined;
      open.delete(end);
      wait?.delete(awaited);
      close(own);
    };
    const take = (): void => {
      try {
        onReadable();
        runTicks.call(self);
      } catch (error) {
        // The library cannot report it. Here it ends the process, as any other bug does.
        setImmediate(() => {
          throw error;
        });
      }
    };
    const awaited: Awaited = { descriptor: own, take };
    const onEvent = (): void => {
      take();
      wait?.run();
    };
    try {
      handle = koffi.node.poll(own, onEvent);
    } catch {
      close(own);
      return undefined;
    }
    open.add(end);
    wait?.add(awaited);
    return { again: () => handle?.start(onEvent), close: end };
  };
}

/**
 * Keeps the library in memory until the process ends. Otherwise it is unloaded with the last thread that has loaded it,
 * and when that is ended from outside, its watches close only afterwards.
 */
function pin(library: Koffi.LibraryHandle): boolean {
  const path = /\s(\/.*\/koffi\.node)$/m.exec(readFileSync("/proc/self/maps", "latin1"))?.[1];
  if (path === undefined) return false;
  const dlopen = library.func("dlopen", "void *", ["str", "int"]);
  return dlopen(path, PIN) !== null;
}
