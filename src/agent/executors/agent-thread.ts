import { assert, type Clock, SeededRandom } from "../../base/index.ts";
import type { AgentProgram } from "../executor.ts";
import { AgentRunner } from "./agent-runner.ts";
import type { AnswerBox } from "./answer-box.ts";
import { unpackBatch } from "./packed-batch.ts";
import { ThreadHost } from "./thread-host.ts";
import {
  type FromWorker,
  packError,
  packResult,
  type ToWorker,
  unpackError,
  unpackMessages,
} from "./worker-messages.ts";
import type { WorkerSignals } from "./worker-signals.ts";

/** Answers are sent when the last were sent this long ago, ms, though there is more to do. */
const ANSWERS_MS_MAX = 5;

/** What a thread of agents depends on. */
export interface AgentThreadOptions {
  readonly signals: WorkerSignals;
  readonly answers: AnswerBox;
  readonly clock: Clock;
  /** Runs a task in a separate turn of the event loop, after all promise jobs of this one. */
  readonly nextTurn: (task: () => void) => void;
}

interface ThreadAgent {
  readonly runner: AgentRunner;
  readonly host: ThreadHost;
}

/**
 * The worker's half of the worker executor: runs the agents of one thread.
 *
 * Each message is handled in a separate turn of the event loop, so that all promise jobs that it leads to belong to its
 * agent: the signals tell the watchdog which agent runs, also when code runs after its handler has ended.
 */
export class AgentThread {
  readonly #options: AgentThreadOptions;
  readonly #agents = new Map<number, ThreadAgent>();
  #waiting: ToWorker[] = [];
  /** Index of the next in {@link #waiting}. */
  #next = 0;
  #sentAt = 0;
  #isScheduled = false;
  /** Whose turn it is. */
  #turn: number | undefined;

  constructor(options: AgentThreadOptions) {
    this.#options = options;
  }

  /** Takes what the executor sent. */
  receive(bytes: Uint8Array): void {
    const messages = unpackMessages<ToWorker>(bytes);
    if (this.#next === this.#waiting.length) {
      this.#waiting = [...messages];
      this.#next = 0;
    } else {
      for (const message of messages) this.#waiting.push(message);
    }
    this.#schedule();
  }

  /** A promise of the agent that runs was rejected and not handled. */
  failStray(reason: unknown): void {
    const agent = this.#turn === undefined ? undefined : this.#agents.get(this.#turn);
    agent?.runner.failStray(reason);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.nextTurn(this.#step);
  }

  readonly #step = (): void => {
    const { signals, nextTurn } = this.#options;
    const message = this.#waiting[this.#next];
    if (message === undefined) {
      this.#turn = undefined;
      signals.leave();
      this.#send();
      this.#isScheduled = false;
      return;
    }
    this.#next++;
    this.#turn = message[1];
    signals.enter(message[1]);
    nextTurn(this.#step);
    this.#handle(message);
  };

  #send(): void {
    this.#options.answers.send();
    this.#sentAt = this.#options.clock.now();
  }

  #sendInTime(): void {
    const { answers, clock } = this.#options;
    if (!answers.isEmpty && clock.now() - this.#sentAt > ANSWERS_MS_MAX) this.#send();
  }

  #tell(message: FromWorker): void {
    this.#options.answers.put(message);
    this.#schedule();
  }

  #handle(message: ToWorker): void {
    const slot = message[1];
    if (message[0] === "start") {
      this.#start(slot, message[2], message[3], message[4]);
      return;
    }
    if (message[0] === "close") {
      this.#agents.get(slot)?.runner.close();
      this.#agents.delete(slot);
      this.#tell(["closed", slot]);
      return;
    }
    const agent = this.#agents.get(slot);
    // Its start has failed, which was reported.
    if (agent === undefined) return;
    const { runner, host } = agent;
    switch (message[0]) {
      case "run":
        this.#run(slot, runner, message[2], message[3]);
        break;
      case "answered":
        host.settle(message[2], (call) => call.resolve(message[3]));
        break;
      case "refused":
        host.settle(message[2], (call) => call.reject(unpackError(message[3])));
        break;
      case "restore":
        runner.restore(message[2]);
        break;
      case "set-handler":
        try {
          runner.setHandler(message[2], message[3]);
          this.#tell(["handler-set", slot, [...runner.handlers]]);
        } catch (thrown) {
          this.#tell(["handler-refused", slot, packError(thrown)]);
        }
        break;
      default:
        message satisfies never;
    }
  }

  #start(slot: number, program: AgentProgram, seed: number, skewMs: number): void {
    assert(!this.#agents.has(slot), "a slot is free when an agent starts in it");
    const { clock } = this.#options;
    const random = new SeededRandom(seed);
    const host = new ThreadHost({
      now: () => clock.wall() + skewMs,
      random: () => random.float(),
      line: (line) => {
        this.#tell(["line", slot, line]);
        this.#sendInTime();
      },
      call: (call, verb, argument) => this.#tell(["call", slot, call, verb, argument]),
    });
    try {
      const runner = new AgentRunner(program, host, { clock, onBegin: this.#onBegin });
      this.#agents.set(slot, { runner, host });
      this.#tell(["started", slot, [...runner.handlers]]);
    } catch (thrown) {
      this.#tell(["start-failed", slot, packError(thrown)]);
    }
  }

  readonly #onBegin = (): void => {
    this.#options.signals.beat();
    this.#sendInTime();
  };

  #run(slot: number, runner: AgentRunner, batch: number, invocations: Uint8Array): void {
    const { signals } = this.#options;
    runner.run(
      unpackBatch(invocations),
      (_, result) => {
        if (result.type === "done") this.#tell(["done", slot, packResult(result)]);
        else if (result.type === "failed") this.#tell(["failed", slot, result.fault]);
        else this.#tell(["interrupted", slot]);
      },
      () => signals.isInterrupted(slot, batch),
    );
  }
}
