/** The entry of a thread with a socket that counts what comes, for tests of how such threads end. */
import { parentPort, workerData } from "node:worker_threads";
import { SILENT, SystemClock } from "../../base/index.ts";
import { openDatagramSocket } from "../datagram-socket.ts";
import { loadNative } from "./load-native.ts";

const native = loadNative({ disabled: false, watchShutdown: workerData }).calls;
const where = { host: "127.0.0.1", port: 0 };
const socket = await openDatagramSocket({
  ...where,
  clock: new SystemClock(),
  log: SILENT,
  native,
});
socket.onDatagram((bytes) => {
  // Busy enough that ending the thread meets it here.
  for (let sum = 0; sum < 200_000; sum += 1 + bytes.byteLength);
});
parentPort?.once("message", (how: string) => {
  if (how === "exit") process.exit(0);
  throw new Error("a bug");
});
parentPort?.postMessage(socket.port);
