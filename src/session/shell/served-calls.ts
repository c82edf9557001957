import { z } from "zod";
import type { PolicyTrial, PolicyView, ShellPort } from "../../agent/define/index.ts";
import { LIMITS, type Log, MeanderError, messageOf } from "../../base/index.ts";
import { encodeError } from "../../directory/index.ts";
import type { ShellFault, SiteMessage } from "./messages.ts";
import {
  SHELL_CALLS,
  type ShellCallArguments,
  type ShellCallName,
  type ShellCallResult,
} from "./shell-calls.ts";

/** What serving a shell uses. */
export interface ServedPorts {
  readonly port: ShellPort;
  readonly log: Log;
  send(message: SiteMessage): void;
}

type PortCalls = {
  readonly [C in ShellCallName]: (
    port: ShellPort,
    args: ShellCallArguments<C>,
    signal: () => AbortSignal,
  ) => Promise<ShellCallResult<C>>;
};

/** Each call of a shell as a call of its port. */
const PORT_CALLS: PortCalls = {
  append: (port, args, signal) =>
    port.append(args.until === "consumed" ? { ...args, signal: signal() } : args),
  createStream: (port, { name, ...placement }) => port.createStream(name, placement),
  move: (port, { stream, to, deadlineMs }) => port.move(stream, to, deadlineMs),
  attachAgent: (port, { stream, ...request }) => port.attachAgent(stream, request),
  detachAgent: (port, { stream, agent }) => done(port.detachAgent(stream, agent)),
  replaceHandler: (port, { stream, agent, event, source, signed }) =>
    done(port.replaceHandler(stream, agent, event, source, { signed })),
  destroyStream: (port, { stream }) => done(port.destroyStream(stream)),
  stream: (port, { name }) => port.stream(name),
  streams: async (port) => [...(await port.streams())],
  sleep: (port, { ms }) => done(port.sleep(ms)),
  sites: async (port) => [...(await port.sites())],
  inspect: (port, { stream }) => port.inspect(stream),
  why: (port, { message }) => port.why(message),
  deadLetter: (port, { stream, message, action, edited }) =>
    done(port.deadLetter(stream, message, action, edited)),
  evacuate: async (port, { site }) => {
    const { moved, failed } = await port.evacuate(site);
    return { moved, failed: [...failed] };
  },
  policies: async (port) =>
    Object.fromEntries(
      Object.entries(await port.policies()).map(([scope, policy]) => [scope, viewOf(policy)]),
    ),
  setPolicy: (port, { scope, rules }) => done(port.setPolicy(scope, rules)),
  policyHistory: async (port, { scope }) => [...(await port.policyHistory(scope))],
  rollbackPolicy: async (port, { scope, number }) => ({
    number: await port.rollbackPolicy(scope, number),
  }),
  tryPolicy: async (port, { scope, rules, last }) =>
    writable(await port.tryPolicy(scope, rules, last)),
  tryCodePolicy: async (port, { scope, last, ...upload }) =>
    writable(await port.tryPolicy(scope, upload, last)),
  setCodePolicy: (port, { scope, ...upload }) => done(port.setPolicy(scope, upload)),
};

/** The unanswered calls of a shell. */
export class ServedCalls {
  readonly #ports: ServedPorts;
  readonly #open = new Map<number, OpenCall>();
  /** The rest of each answer that is fetched in parts. */
  readonly #large = new Map<number, string>();
  #largeCharacters = 0;
  #isEnded = false;

  constructor(ports: ServedPorts) {
    this.#ports = ports;
  }

  /** Calls the port and sends the answer. Calls are begun in the order in which they arrive. */
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

  /** The shell no longer waits for that call. Its number is free once it is answered. */
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

  /** The shell has detached: calls that wait are aborted. */
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
    // The shell ignores the result; the answer only frees the number.
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
  /** Created on demand: most calls end before they could be aborted. */
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

/** Calls the port. @param args as the call's schema decoded them @param signal read only by calls that may wait long */
async function callPort(
  port: ShellPort,
  call: ShellCallName,
  args: unknown,
  signal: () => AbortSignal,
): Promise<unknown> {
  const make = PORT_CALLS[call] as (
    port: ShellPort,
    args: unknown,
    signal: () => AbortSignal,
  ) => Promise<unknown>;
  return await make(port, args, signal);
}

async function done(promise: Promise<void>): Promise<null> {
  await promise;
  return null;
}

function writable({ changes, ...counts }: PolicyTrial) {
  return { ...counts, changes: [...changes] };
}

function viewOf(
  policy: PolicyView,
): unknown[] | { code: string; file?: string | undefined; author?: string | undefined } {
  if ("code" in policy) return { code: policy.code, file: policy.file, author: policy.author };
  return [...policy];
}
