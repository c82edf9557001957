/** The entry of a worker that runs agents: locks its thread down, then does what its executor says. */
import { parentPort, workerData } from "node:worker_threads";
import { assert, SystemClock } from "../../base/index.ts";
import { lockDown } from "../../code/index.ts";
import { AgentThread } from "./agent-thread.ts";
import { AnswerBox } from "./answer-box.ts";
import { hardenContexts } from "./handler-context.ts";
import { type WorkerMemory, WorkerSignals } from "./worker-signals.ts";

const port = parentPort;
assert(port !== null, "the entry of agents runs in a worker thread");
lockDown();
hardenContexts();
const memory = workerData as WorkerMemory;
const thread = new AgentThread({
  signals: new WorkerSignals(memory.signals),
  answers: new AnswerBox(memory.answers, (letter) =>
    port.postMessage(letter, [letter.bytes.buffer]),
  ),
  clock: new SystemClock(),
  nextTurn: (task) => void setImmediate(task),
});
process.on("unhandledRejection", (reason) => thread.failStray(reason));
port.on("message", (bytes: Uint8Array) => thread.receive(bytes));
