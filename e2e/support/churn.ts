/**
 * Opens connections to a site and drops them again, in a thread of its own, so that no test waits for it.
 *
 * Its data is a {@link ChurnOptions}; it posts how many connections there were, and ends.
 *
 * @module
 */
import { connect } from "node:net";
import { parentPort, Worker, workerData } from "node:worker_threads";

/** What is opened. */
export interface ChurnOptions {
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** What the connections send, in turns. */
  readonly words: readonly Uint8Array[];
}

/** A connection that was not dropped otherwise is after this, ms. */
const LIFE_MS = 200;

/** Settles with how many connections there were, when all are gone. */
export function churn(options: ChurnOptions): Promise<number> {
  const worker = new Worker(new URL(import.meta.url), { workerData: options });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

if (parentPort !== null) {
  const { perSecond, port, seconds, words } = workerData as ChurnOptions;
  const start = performance.now();
  let count = 0;
  let open = 0;
  const openOne = (index: number): void => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(words[index % words.length] as Uint8Array);
      // Half of them wait for an answer that they do not read to the end; the others close at once, gracefully or not.
      if (index % 2 === 0) socket.once("data", () => socket.destroy());
      if (index % 4 === 1) socket.end();
      if (index % 4 === 3) socket.resetAndDestroy();
    });
    open++;
    const life = setTimeout(() => socket.destroy(), LIFE_MS);
    socket.on("error", () => {});
    socket.once("close", () => {
      open--;
      clearTimeout(life);
    });
  };
  while (count < perSecond * seconds || open > 0) {
    const due = Math.min(((performance.now() - start) / 1_000) * perSecond, perSecond * seconds);
    while (count < due) openOne(count++);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  parentPort.postMessage(count);
}
