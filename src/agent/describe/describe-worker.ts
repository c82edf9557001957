/**
 * Entry point of the thread that describes definitions: locks the thread down, then answers one expression after the
 * other.
 */
import { parentPort } from "node:worker_threads";
import { assert, MeanderError, messageOf, SystemClock, SystemRandom } from "../../base/index.ts";
import { lockDown } from "../../code/index.ts";
import type { FromDescriber } from "./describing-worker.ts";
import { readDescription } from "./read-description.ts";

const port = parentPort;
assert(port !== null, "definitions are described in a worker thread");
const clock = new SystemClock();
const random = new SystemRandom();
const ambience = { now: () => clock.wall(), random: () => random.float() };
lockDown();
// Unhandled rejections of the code.
process.on("unhandledRejection", () => {});

function answer(expression: string): FromDescriber {
  try {
    return { type: "described", description: readDescription(expression, ambience) };
  } catch (thrown) {
    const { code, what, where, expected } =
      thrown instanceof MeanderError
        ? thrown
        : { code: "code-failed", what: messageOf(thrown), where: undefined, expected: undefined };
    return { type: "refused", code, what, where, expected };
  }
}

port.on("message", (expression: string) => {
  const result = answer(expression);
  // Not before its promise jobs have ended: they would keep the next code from being read.
  setImmediate(() => port.postMessage(result));
});
port.postMessage({ type: "ready" } satisfies FromDescriber);
