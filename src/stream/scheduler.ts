import type { EventQueue } from "./event-queue.ts";
import type { Gates } from "./gates.ts";
import type { Mailbox } from "./mailbox.ts";
import type { MessageRunner } from "./message-runner.ts";
import type { MessageTrouble } from "./message-trouble.ts";

/** What a {@link Scheduler} uses of its stream. */
export interface SchedulerPorts {
  readonly gates: Gates;
  readonly events: EventQueue;
  readonly mailbox: Mailbox;
  readonly trouble: MessageTrouble;
  readonly runner: MessageRunner;
  /** Whether anything may run: the stream is here, and its site's lease holds. */
  mayRun(): boolean;
  /** Whether messages may run: the stream has started. */
  mayConsume(): boolean;
  /** Whether a window is full: handlers run only when what they send can be buffered. */
  isFull(): boolean;
}

/** Decides what a stream runs next: one thing at a time, gates before messages (docs/spec/streams.md [M3], [M4]). */
export class Scheduler {
  readonly #ports: SchedulerPorts;
  #isWorking = false;
  #waitsForRoom = false;

  constructor(ports: SchedulerPorts) {
    this.#ports = ports;
  }

  /** Whether messages wait only for room in a window. */
  get waitsForRoom(): boolean {
    return this.#waitsForRoom;
  }

  /**
   * Runs until something is asynchronous, or nothing is left. False: it is called from within itself, and does nothing.
   */
  work(): boolean {
    if (this.#isWorking) return false;
    this.#isWorking = true;
    try {
      while (this.#step()) {
        // The next step.
      }
    } finally {
      this.#isWorking = false;
    }
    return true;
  }

  /** Begins what is next. True: it has ended already. */
  #step(): boolean {
    const { gates, events, mailbox, trouble, runner, mayRun, mayConsume, isFull } = this.#ports;
    // [M9] Timers and other events wait like messages.
    if (runner.isBusy || gates.isBusy || !mayRun()) return false;
    if (gates.begin() || !mayConsume() || mailbox.length === 0) return false;
    this.#waitsForRoom = isFull();
    const isBlocked = trouble.blocks || this.#waitsForRoom || events.blocks;
    return !isBlocked && runner.run();
  }
}
