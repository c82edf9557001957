import type * as Koffi from "koffi";

/** This thread's event loop (libuv's), as its embedders see it. */
export interface EventLoop {
  /** Readable when the loop has something to do other than a timer. */
  readonly descriptor: number;
  /**
   * Time until the loop has to run, ms: 0 when something is due, below 0 when nothing ever is. By the time that it
   * knows.
   */
  timeout(): number;
  /** Updates its notion of the time. */
  updateTime(): void;
}

/** Undefined where Node, or the library, does not let it be seen. */
export function bindEventLoop(
  koffi: typeof Koffi,
  library: Koffi.LibraryHandle,
): EventLoop | undefined {
  try {
    const getLoop = library.func("napi_get_uv_event_loop", "int", ["void *", "void *"]);
    const address = new BigUint64Array(1);
    if (getLoop(koffi.node.env, address) !== 0) return undefined;
    const loop = Number(address[0]);
    const timeout = library.func("uv_backend_timeout", "int", ["uint64_t"]);
    const updateTime = library.func("uv_update_time", "void", ["uint64_t"]);
    const descriptor = library.func("uv_backend_fd", "int", ["uint64_t"])(loop) as number;
    if (descriptor < 0) return undefined;
    return {
      descriptor,
      timeout: () => timeout(loop) as number,
      updateTime: () => void updateTime(loop),
    };
  } catch {
    return undefined;
  }
}
