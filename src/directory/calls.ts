import type { z } from "zod";
import { assert, type Cancel, type Clock, LIMITS, MeanderError } from "../base/index.ts";
import type { Json } from "./directory.ts";
import type { ClientCall, ClientMessage } from "./messages.ts";
import { decodeError, type WireError } from "./wire-error.ts";

/** A call without its number. */
export type Call = ClientCall extends infer C
  ? C extends ClientCall
    ? Omit<C, "id">
    : never
  : never;

/** What is done with a call whose connection ended before the answer. */
export type OnLoss =
  /** Sent again: doing it twice does no harm. */
  | "repeat"
  /** Fails: it may already have taken effect. */
  | "fail";

interface Waiting {
  readonly message: ClientCall;
  readonly onLoss: OnLoss;
  readonly settle: (result: Json) => void;
  readonly reject: (error: MeanderError) => void;
  readonly cancel: Cancel;
  sent: boolean;
}

/** [D16] Calls of a directory client that wait for their answer, or for a connection. */
export class Calls {
  readonly #clock: Clock;
  readonly #send: (message: ClientMessage) => void;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #up = false;

  constructor(clock: Clock, send: (message: ClientMessage) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /**
   * Sends a call, now or when there is a connection.
   *
   * @param timeoutMs > 0
   * @throws {MeanderError} `directory-unreachable` after `timeoutMs`
   */
  make<T>(
    call: Call,
    onLoss: OnLoss,
    answer: z.ZodType<T>,
    timeoutMs: number = LIMITS.directoryCallMs,
  ): Promise<T> {
    assert(timeoutMs > 0, "a call has time for its answer");
    const id = this.#next++;
    if (this.#waiting.size >= LIMITS.directoryCallsMax) {
      const most = `${LIMITS.directoryCallsMax} calls wait for their answer`;
      return Promise.reject(new MeanderError("directory-busy", most, { where: "directory" }));
    }
    return new Promise<T>((resolve, reject) => {
      const settle = (result: Json): void => {
        const parsed = answer.safeParse(result);
        if (parsed.success) resolve(parsed.data);
        else
          reject(
            new MeanderError("directory-answer-invalid", `not an answer to ${call.type}`, {
              where: "directory",
            }),
          );
      };
      const cancel = this.#clock.after(`directory ${call.type}`, timeoutMs, () => {
        this.#waiting.delete(id);
        reject(unansweredError(call.type, timeoutMs));
      });
      const waiting = {
        message: { ...call, id } as ClientCall,
        onLoss,
        settle,
        reject,
        cancel,
        sent: false,
      };
      this.#waiting.set(id, waiting);
      this.#transmit(waiting);
    });
  }

  /** There is a connection. */
  up(): void {
    this.#up = true;
    for (const waiting of [...this.#waiting.values()]) this.#transmit(waiting);
  }

  /** The connection is gone. */
  down(reason: string): void {
    this.#up = false;
    for (const waiting of [...this.#waiting.values()]) {
      if (waiting.sent && waiting.onLoss === "fail") {
        const what = `${reason} before the answer to ${waiting.message.type}, which may already have taken effect`;
        this.#take(waiting.message.id)?.reject(unreachableError(what));
      }
      waiting.sent = false;
    }
  }

  answered(id: number, result: Json): void {
    this.#take(id)?.settle(result);
  }

  refused(id: number, error: WireError): void {
    this.#take(id)?.reject(decodeError(error));
  }

  /** Fails all that wait. */
  fail(error: MeanderError): void {
    for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(error);
  }

  #transmit(waiting: Waiting): void {
    if (!this.#up || waiting.sent) return;
    waiting.sent = true;
    this.#send(waiting.message);
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    waiting?.cancel();
    this.#waiting.delete(id);
    return waiting;
  }
}

/** The leading site did not answer in time. */
export function unansweredError(call: string, timeoutMs: number): MeanderError {
  return unreachableError(`no answer to ${call} in ${timeoutMs} ms`);
}

/** The leading site cannot be asked. */
export function unreachableError(what: string): MeanderError {
  return new MeanderError("directory-unreachable", what, {
    where: "directory",
    next: "check that the leading site runs and can be reached",
  });
}
