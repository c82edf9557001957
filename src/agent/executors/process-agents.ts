import { assert, type Clock, SeededRandom } from "../../base/index.ts";
import type { AgentProgram } from "../executor.ts";
import type { SiteLink } from "../processes/index.ts";
import { AgentRunner } from "./agent-runner.ts";
import { unpackBatch } from "./packed-batch.ts";
import { ProcessHost } from "./process-host.ts";
import {
  type FromProcess,
  packDone,
  packError,
  packMessage,
  type ToProcess,
  unpackError,
  unpackToProcess,
} from "./process-messages.ts";

/** Answers are sent when the last were sent this long ago, ms, though there is more to do. */
const ANSWERS_MS_MAX = 5;

/** How often it asks whether the calls that wait are interrupted, ms. */
const INTERRUPTS_MS = 1;

/** What the agents of a process depend on. */
export interface ProcessAgentsOptions {
  readonly link: Pick<
    SiteLink,
    "begin" | "note" | "put" | "send" | "leave" | "isEmpty" | "interruptedUpTo"
  >;
  readonly clock: Clock;
  /** Runs a task in a separate turn of the event loop, after all promise jobs of this one. */
  readonly nextTurn: (task: () => void) => void;
}

interface ProcessAgent {
  readonly runner: AgentRunner;
  readonly host: ProcessHost;
  /** Calls that have ended, and how many had when it was told last that one waits. */
  ended: number;
  toldAt: number;
}

/**
 * The process's half of the process executor: runs the agents of one process.
 *
 * Each message is handled in a separate turn of the event loop, so that all promise jobs that it leads to belong to its
 * agent: its site sees which agent runs, also when code runs after its handler has ended.
 */
export class ProcessAgents {
  readonly #options: ProcessAgentsOptions;
  readonly #agents = new Map<number, ProcessAgent>();
  #waiting: ToProcess[] = [];
  /** Index of the next in {@link #waiting}. */
  #next = 0;
  #sentAt = 0;
  /** When it was asked last which batches are interrupted, and the answer. */
  #askedAt = Number.NEGATIVE_INFINITY;
  #interruptedUpTo = 0;
  #isScheduled = false;
  /** Whose turn it is. */
  #turn: number | undefined;

  constructor(options: ProcessAgentsOptions) {
    this.#options = options;
  }

  /** Takes what the executor sent. */
  receive(bytes: Uint8Array): void {
    const messages = unpackToProcess(bytes);
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
    const { link, clock, nextTurn } = this.#options;
    this.#tellOfWaiting();
    const message = this.#waiting[this.#next];
    if (message === undefined) {
      this.#turn = undefined;
      link.leave();
      this.#sentAt = clock.now();
      this.#isScheduled = false;
      return;
    }
    this.#next++;
    this.#turn = message[1];
    this.#askedAt = Number.NEGATIVE_INFINITY;
    nextTurn(this.#step);
    this.#handle(message);
  };

  /** Of the agent whose turn has ended, with all its promise jobs. */
  #tellOfWaiting(): void {
    const agent = this.#turn === undefined ? undefined : this.#agents.get(this.#turn);
    if (agent === undefined || !agent.runner.isWaiting || agent.toldAt === agent.ended) return;
    agent.toldAt = agent.ended;
    this.#options.link.put(packMessage(["waits", this.#turn as number]));
  }

  #sendInTime(): void {
    const { link, clock } = this.#options;
    if (link.isEmpty || clock.now() - this.#sentAt <= ANSWERS_MS_MAX) return;
    link.send();
    this.#sentAt = clock.now();
  }

  #tell(message: FromProcess): void {
    this.#put(packMessage(message));
  }

  #put(message: Uint8Array): void {
    this.#options.link.put(message);
    this.#schedule();
  }

  #handle(message: ToProcess): void {
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
        this.#options.link.begin(slot);
        host.settle(message[2], (call) => call.resolve(message[3]));
        break;
      case "refused":
        this.#options.link.begin(slot);
        host.settle(message[2], (call) => call.reject(unpackError(message[3])));
        break;
      case "restore":
        this.#options.link.begin(slot);
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
    const { clock, link } = this.#options;
    const random = new SeededRandom(seed);
    const host = new ProcessHost({
      now: () => clock.wall() + skewMs,
      random: () => random.float(),
      line: (line) => {
        this.#tell(["line", slot, line]);
        // It may be the last that is heard of the handler, and is no progress of it: its deadline stays.
        link.note();
        this.#sendInTime();
      },
      call: (call, verb, argument) => this.#tell(["call", slot, call, verb, argument]),
    });
    try {
      const onBegin = (): void => this.#begin(slot);
      const runner = new AgentRunner(program, host, { clock, onBegin });
      this.#agents.set(slot, { runner, host, ended: 0, toldAt: -1 });
      this.#tell(["started", slot, [...runner.handlers]]);
    } catch (thrown) {
      this.#tell(["start-failed", slot, packError(thrown)]);
    }
  }

  #begin(slot: number): void {
    this.#options.link.begin(slot);
    this.#sendInTime();
  }

  #run(slot: number, runner: AgentRunner, batch: number, invocations: Uint8Array): void {
    const agent = this.#agents.get(slot);
    runner.run(
      unpackBatch(invocations),
      (_, result) => {
        if (agent !== undefined) agent.ended++;
        if (result.type === "done") this.#put(packDone(slot, result));
        else if (result.type === "failed") this.#tell(["failed", slot, result.fault]);
        else this.#tell(["interrupted", slot]);
      },
      () => this.#isStopped(slot, batch),
    );
    // What has ended counts, whatever its promise jobs do now.
    this.#options.link.begin(slot);
  }

  /** Asks the system once in a turn, and again when some time has passed. */
  #isStopped(slot: number, batch: number): boolean {
    const { link, clock } = this.#options;
    const now = clock.now();
    if (now - this.#askedAt >= INTERRUPTS_MS) {
      this.#askedAt = now;
      this.#interruptedUpTo = link.interruptedUpTo(slot);
    }
    return batch <= this.#interruptedUpTo;
  }
}
