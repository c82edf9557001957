/** The entry of the plane's thread: opens a {@link LocalPlane} as told, then serves it to the main thread. */
import { parentPort, workerData } from "node:worker_threads";
import { assert, SystemClock } from "../../base/index.ts";
import type { WatchShutdownEnd } from "../../transport/index.ts";
import { gatedLog, LogGate } from "../observe/log-gate.ts";
import { LocalPlane } from "./local-plane.ts";
import { partsOf, type ToPlane } from "./plane-messages.ts";
import { portLog, type ServingPort, servePlane } from "./serve-plane.ts";

const parent = parentPort;
assert(parent !== null, "the plane's entry runs in a worker thread");
const port: ServingPort = {
  postMessage: (message) => parent.postMessage(message),
  on: (event, listener) => parent.on(event, listener),
};

parent.once("message", (message: ToPlane) => {
  assert(message.type === "open", "the first message opens the plane");
  const watchShutdown: WatchShutdownEnd = workerData;
  const logGate = new LogGate(message.options.logLevel ?? "debug");
  const log = gatedLog(portLog(port), logGate);
  LocalPlane.open(message.options, { clock: new SystemClock(), log, logGate, watchShutdown }).then(
    (plane) => {
      servePlane(plane, port);
      port.postMessage({ type: "opened", http: plane.http, udp: plane.udp });
    },
    (error: unknown) => port.postMessage({ type: "open-failed", error: partsOf(error) }),
  );
});
