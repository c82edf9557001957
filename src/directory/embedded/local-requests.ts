import { assert, type Clock, MeanderError } from "../../base/index.ts";
import { unansweredError } from "../calls.ts";
import type { Json, RequestHandler } from "../directory.ts";

/** [D9] Requests to the leader in this process. */
export class LocalRequests {
  /** Who answers; undefined: nobody. */
  handler: RequestHandler | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Asks, for ever or for `timeoutMs` (> 0).
   *
   * @throws {MeanderError} `directory-no-leader`, `directory-unreachable` when the time is over, what the leader refuses with
   */
  async ask(subject: string, payload: Json, timeoutMs: number | undefined): Promise<Json> {
    if (this.handler === undefined) {
      throw new MeanderError("directory-no-leader", "no leader answers", {
        where: `request ${subject}`,
        next: "try again when the leading site has started",
      });
    }
    if (timeoutMs === undefined) return await this.handler(subject, payload);
    assert(timeoutMs > 0, "a request has time for its answer");
    const answer = this.handler(subject, payload);
    return await new Promise((resolve, reject) => {
      const cancel = this.#clock.after("directory request", timeoutMs, () =>
        reject(unansweredError("request", timeoutMs)),
      );
      void answer.then(resolve, reject).finally(cancel);
    });
  }
}
