import type { LifecycleEvent } from "./consumer.ts";
import type { EventQueue } from "./event-queue.ts";
import type { EventRunner } from "./event-runner.ts";
import type { Gates } from "./gates.ts";

/** What a {@link StreamHalt} uses of its stream. */
export interface StreamHaltPorts {
  readonly gates: Pick<Gates, "pass">;
  readonly events: Pick<EventQueue, "failed" | "resume">;
  readonly runner: Pick<EventRunner, "notify">;
  /** The event that its agents handle before the first message. */
  readonly first: LifecycleEvent | undefined;
  /** The stream goes on. */
  resumed(): void;
}

/** How a stream begins to run at a site: at once, or, where it was installed halted, when a person says so. */
export class StreamHalt {
  readonly #ports: StreamHaltPorts;
  #isHalted: boolean;

  constructor(ports: StreamHaltPorts, isHalted: boolean) {
    this.#ports = ports;
    this.#isHalted = isHalted;
  }

  /** Whether it accepts messages and runs none, nor any event. */
  get isHalted(): boolean {
    return this.#isHalted;
  }

  /** Between two messages: has the agents handle the first event, unless it is halted. */
  async begin(): Promise<void> {
    if (this.#isHalted) return;
    const { first, runner, events } = this.#ports;
    if (first !== undefined)
      await runner.notify(first, ({ failures = [] }) => events.failed(failures));
    events.resume();
  }

  /** It goes on. Resolves when its agents have handled the first event. */
  async resume(): Promise<void> {
    await this.#ports.gates.pass(async () => {
      if (!this.#isHalted) return;
      this.#isHalted = false;
      await this.begin();
    });
    this.#ports.resumed();
  }
}
