import { z } from "zod";
import type { ShellPort } from "../../agent/define/index.ts";
import { LIMITS, type Log, MeanderError, messageOf } from "../../base/index.ts";
import { encodeError } from "../../directory/index.ts";
import type { ShellFault, SiteMessage } from "./messages.ts";
import { callPort } from "./port-calls.ts";
import { SHELL_CALLS, type ShellCallName } from "./shell-calls.ts";

/** What the calls of a shell work with. */
export interface ServedPorts {
  readonly port: ShellPort;
  readonly log: Log;
  send(message: SiteMessage): void;
}

/** The calls that a shell has made and that are not answered yet. */
export class ServedCalls {
  readonly #ports: ServedPorts;
  readonly #open = new Map<number, OpenCall>();
  /** Answers that are fetched in parts: what is left of them. */
  readonly #large = new Map<number, string>();
  #largeCharacters = 0;
  #isEnded = false;

  constructor(ports: ServedPorts) {
    this.#ports = ports;
  }

  /** Makes a call; its answer is sent. Calls are made in the order in which they come. */
  make(id: number, call: ShellCallName, args: unknown): ShellFault | undefined {
    if (this.#open.has(id)) return "number";
    if (this.#open.size >= LIMITS.shellCallsMax) return "calls";
    const decoded = z.safeDecode(SHELL_CALLS[call].takes as z.ZodType, args);
    if (!decoded.success) return "shape";
    const open = new OpenCall();
    this.#open.set(id, open);
    callPort(this.#ports.port, call, decoded.data, () => open.signal).then(
      (result) => this.#answer(id, call, result),
      (error: unknown) => this.#fail(id, call, error),
    );
    return undefined;
  }

  /** The shell does not wait for that one any more. Its number is free once it is answered. */
  forget(id: number): void {
    this.#open.get(id)?.forget();
  }

  /** Sends the next part of a large answer. */
  more(id: number): ShellFault | undefined {
    const rest = this.#large.get(id);
    if (rest === undefined) return "number";
    const text = rest.slice(0, LIMITS.shellAnswerPartMax);
    const last = text.length === rest.length;
    this.#largeCharacters -= text.length;
    if (last) {
      this.#large.delete(id);
      this.#open.delete(id);
    } else this.#large.set(id, rest.slice(text.length));
    this.#ports.send({ type: "part", id, text, last });
    return undefined;
  }

  /** The shell is gone: nobody waits any more. */
  end(): void {
    this.#isEnded = true;
    for (const open of this.#open.values()) open.forget();
    this.#open.clear();
    this.#large.clear();
  }

  #answer(id: number, call: ShellCallName, result: unknown): void {
    if (this.#isEnded) return;
    const encoded = z.safeEncode(SHELL_CALLS[call].gives as z.ZodType, result ?? null);
    if (!encoded.success) {
      this.#fail(id, call, encoded.error);
      return;
    }
    const text = JSON.stringify(encoded.data);
    if (text.length <= LIMITS.shellAnswerInlineMax) {
      this.#open.delete(id);
      this.#ports.send({ type: "answer", id, result: encoded.data });
    } else if (this.#largeCharacters + text.length > LIMITS.shellAnswersMax) {
      this.#fail(id, call, tooLarge(call, text.length));
    } else {
      this.#largeCharacters += text.length;
      this.#large.set(id, text);
      this.#ports.send({ type: "large", id });
    }
  }

  #fail(id: number, call: ShellCallName, error: unknown): void {
    if (this.#isEnded) return;
    const isForgotten = this.#open.get(id)?.isForgotten === true;
    this.#open.delete(id);
    // Nobody hears it; it only says that the number is free.
    if (isForgotten) this.#ports.send({ type: "answer", id, result: null });
    else
      this.#ports.send({ type: "failure", id, error: encodeError(this.#failureOf(call, error)) });
  }

  #failureOf(call: ShellCallName, error: unknown): MeanderError {
    if (error instanceof MeanderError) return error;
    this.#ports.log.error("A call of a shell failed.", { call, error: messageOf(error) });
    return new MeanderError("internal", `the site failed to answer ${call}`, {
      next: "see the site's log",
    });
  }
}

/** A call whose answer is awaited. */
class OpenCall {
  isForgotten = false;
  /** Made when asked for: most calls are over before anybody could give them up. */
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.isForgotten) this.#controller.abort();
    return this.#controller.signal;
  }

  forget(): void {
    this.isForgotten = true;
    this.#controller?.abort();
  }
}

function tooLarge(call: ShellCallName, characters: number): MeanderError {
  return new MeanderError(
    "answer-too-large",
    `the answer to ${call} has ${characters} characters`,
    {
      expected: `at most ${LIMITS.shellAnswersMax} in all answers that one shell is about to fetch`,
    },
  );
}
