import { LIMITS } from "../../base/index.ts";

/** Why a connection is cut between its acceptance and its end. */
export type PaceFault = "door-header-slow" | "door-body-slow" | "door-answer-slow";

/** What a connection waits for. */
type Phase = "request" | "body" | "answer";

/** Bytes that have passed over a connection so far, as its socket counts them. */
export interface Passed {
  readonly read: number;
  /** Those that the other end has taken; what waits in the socket does not count. */
  readonly written: number;
}

/**
 * How fast the other end of one HTTP connection has to be: it sends the head of a request within
 * `LIMITS.headerMsMax` once it has begun, a body at `LIMITS.bodyRateMin`, and takes something of its answers within
 * `LIMITS.answerStallMs`. No I/O: its owner looks from time to time. [A22]
 */
export class HttpPace {
  #phase: Phase = "request";
  /** When the phase began, or the head of a request, or the last progress of an answer; ms. */
  #since: number;
  /** When the phase began. */
  #from: Passed;
  #hasBegun = false;
  #answers = 0;

  constructor(now: number, passed: Passed) {
    this.#since = now;
    this.#from = passed;
  }

  /** Requests that wait for their answer. */
  get answers(): number {
    return this.#answers;
  }

  /** The head of a request is there. */
  asked(now: number, passed: Passed): void {
    this.#answers++;
    this.#enter("answer", now, passed);
  }

  /** Its body is being read. */
  bodyBegins(now: number, passed: Passed): void {
    this.#enter("body", now, passed);
  }

  /** The body is there. */
  bodyEnds(now: number, passed: Passed): void {
    if (this.#phase === "body") this.#enter("answer", now, passed);
  }

  /** An answer has left, or was given up. */
  answered(now: number, passed: Passed): void {
    this.#answers--;
    if (this.#answers === 0) this.#enter("request", now, passed);
  }

  /** Why the connection must be cut now; undefined: it may go on. */
  faultAt(now: number, passed: Passed): PaceFault | undefined {
    const ms = now - this.#since;
    switch (this.#phase) {
      case "request":
        return this.#requestFault(now, passed);
      case "body": {
        const bytes = passed.read - this.#from.read;
        const allowedMs = LIMITS.bodyGraceMs + (bytes / LIMITS.bodyRateMin) * 1_000;
        return ms > allowedMs ? "door-body-slow" : undefined;
      }
      case "answer":
        if (passed.written !== this.#from.written) this.#enter("answer", now, passed);
        else if (ms > LIMITS.requestMsMax + LIMITS.answerStallMs) return "door-answer-slow";
        return undefined;
    }
  }

  #requestFault(now: number, passed: Passed): PaceFault | undefined {
    if (!this.#hasBegun && passed.read > this.#from.read) {
      this.#hasBegun = true;
      this.#since = now;
      return undefined;
    }
    const isSlow = this.#hasBegun && now - this.#since > LIMITS.headerMsMax;
    return isSlow ? "door-header-slow" : undefined;
  }

  #enter(phase: Phase, now: number, passed: Passed): void {
    this.#phase = phase;
    this.#since = now;
    this.#from = passed;
    this.#hasBegun = false;
  }
}
