import { type Log, MeanderError } from "../../base/index.ts";
import type { Plane, PlaneOptions } from "./plane.ts";
import { errorOf, type FromPlane, type ToPlane } from "./plane-messages.ts";
import { PlaneThread } from "./plane-thread.ts";
import { RemotePlane } from "./remote-plane.ts";

/** A stuck thread is terminated after this, ms. */
const HOLD_MS_MAX = 200;

/**
 * Opens a plane in a thread of its own.
 *
 * @param ports `thread`: one that was started before, for this plane alone
 * @throws {MeanderError} what `LocalPlane.open` throws, and `plane-failed` when the thread cannot start
 */
export function openWorkerPlane(
  options: PlaneOptions,
  ports: { readonly log: Log; readonly thread?: PlaneThread | undefined },
): Promise<Plane> {
  const { log, thread = new PlaneThread() } = ports;
  const { worker, watchShutdown } = thread;
  worker.ref();
  // When this process ends, that thread is ended first.
  const onExit = (): void => void watchShutdown.closeAll(HOLD_MS_MAX);
  process.once("exit", onExit);
  const end = async (): Promise<void> => {
    onExit();
    await worker.terminate();
  };
  let plane: RemotePlane | undefined;
  return new Promise((resolve, reject) => {
    thread.onEnded(({ what, cause }) => {
      process.off("exit", onExit);
      const error = planeFailed(what, cause);
      plane?.fail(error);
      reject(error);
    });
    worker.on("message", function first(message: FromPlane) {
      if (message.type === "log") {
        log[message.level](message.message, message.fields);
        return;
      }
      worker.off("message", first);
      if (message.type === "opened") {
        const { http, udp } = message;
        // The plane has closed by then; what its thread still waits for is not needed.
        plane = new RemotePlane(worker, { http, udp, log, ended: end });
        resolve(plane);
      } else if (message.type === "open-failed") {
        reject(errorOf(message.error));
        void end();
      }
    });
    worker.postMessage({ type: "open", options } satisfies ToPlane);
  });
}

function planeFailed(what: string, cause: Error | undefined): MeanderError {
  return new MeanderError("plane-failed", `the plane of this site has ended: ${what}`, {
    next: "restart the site; report this with the log lines before it",
    cause,
  });
}
