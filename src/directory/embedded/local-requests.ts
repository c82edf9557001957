import { assert, type Clock, MeanderError } from "../../base/index.ts";
import type { Caller } from "../caller.ts";
import { unansweredError } from "../calls.ts";
import type { Json, RequestHandler } from "../directory.ts";

/** [D9] Requests to the handler of the leader, which is in this process. */
export class LocalRequests {
  /** Answers requests; undefined: no handler is set. */
  handler: RequestHandler | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Asks; waits without a limit unless `timeoutMs` (> 0) is given.
   *
   * @throws {MeanderError} `directory-no-leader`, `directory-unreachable` at the timeout, the leader's refusal
   */
  async ask(
    caller: Caller,
    subject: string,
    payload: Json,
    timeoutMs: number | undefined,
  ): Promise<Json> {
    if (this.handler === undefined) {
      throw new MeanderError("directory-no-leader", "no leader answers", {
        where: `request ${subject}`,
        next: "try again when the leading site has started",
      });
    }
    if (timeoutMs === undefined) return await this.handler(subject, payload, caller);
    assert(timeoutMs > 0, "a request has time for its answer");
    const answer = this.handler(subject, payload, caller);
    return await new Promise((resolve, reject) => {
      const cancel = this.#clock.after("directory request", timeoutMs, () =>
        reject(unansweredError("request", timeoutMs)),
      );
      void answer.then(resolve, reject).finally(cancel);
    });
  }
}
