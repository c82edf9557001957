import { Worker } from "node:worker_threads";

/**
 * A thread that records one channel: it takes `ToRecorder` messages and answers with `FromRecorder`.
 *
 * @param name for debuggers
 */
export function openRecordWorker(name: string): Worker {
  return new Worker(new URL("./record-worker.js", import.meta.url), { name });
}
