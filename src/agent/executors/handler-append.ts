import { LIMITS } from "../../base/index.ts";
import { unpackValue } from "../../wire/index.ts";
import type { Appended, AppendOptions } from "../model.ts";
import type { AppendAnswer, AppendRequest } from "../session-port.ts";
import type { Attempt } from "./attempt.ts";

/** What an append gives that leaves with its handler: the message has its name only then. */
const BUFFERED: Appended = Object.freeze({ id: "", reply: undefined });

/** Refusals of an append that waits, of which nothing was sent. */
const UNSENT: ReadonlySet<string> = new Set([
  "append-timeout-missing",
  "call-cycle",
  "message-too-large",
  "stream-gone",
  "stream-unknown",
]);

/** A message of a handler, and how long it waits for what becomes of it. */
export interface PackedMessage {
  readonly payload: Uint8Array;
  /** Undefined: it leaves with the handler. */
  readonly timeoutMs: number | undefined;
}

/** Reads what a handler appends, once. @throws what the agent gets, for what no stream would accept */
export function packMessage(
  attempt: Attempt,
  value: unknown,
  options: AppendOptions | undefined,
): PackedMessage {
  attempt.check();
  const payload = attempt.pack(value);
  if (payload.byteLength > LIMITS.streamMessageBytesMax) {
    throw attempt.error(
      "message-too-large",
      `a message of ${payload.byteLength} bytes; at most ${LIMITS.streamMessageBytesMax} are taken`,
    );
  }
  const { until = "buffered", timeoutMs } = options ?? {};
  if (until === "buffered") return { payload, timeoutMs: undefined };
  if (until !== "consumed") {
    throw attempt.error("request-invalid", `until is "buffered" or "consumed"`);
  }
  if (!(typeof timeoutMs === "number" && timeoutMs > 0)) {
    throw attempt.error(
      "append-timeout-missing",
      "a handler that waits for a message's consumption says how long",
      "give timeoutMs, more than 0",
    );
  }
  return { payload, timeoutMs };
}

/** Appends it to a stream: when the handler has ended well, or at once if it waits. */
export function appendTo(
  attempt: Attempt,
  stream: string,
  { payload, timeoutMs }: PackedMessage,
): Promise<Appended> {
  if (timeoutMs !== undefined) return appendNow(attempt, stream, payload, timeoutMs);
  attempt.append(stream, payload);
  return Promise.resolve(BUFFERED);
}

/** Leaves at once, behind what the handler appended to the stream before. */
async function appendNow(
  attempt: Attempt,
  stream: string,
  payload: Uint8Array,
  timeoutMs: number,
): Promise<Appended> {
  const before = attempt.takeAppends(stream);
  const request: AppendRequest = {
    stream,
    payload,
    until: "consumed",
    timeoutMs,
    ...(before.length === 0 ? {} : { before }),
  };
  let answer: AppendAnswer;
  try {
    answer = (await attempt.call("append", [request])) as AppendAnswer;
  } catch (error) {
    // Refused before anything was sent: the earlier ones leave with the handler, as if it had not waited.
    if (UNSENT.has((error as { code?: string }).code ?? "")) attempt.giveBack(stream, before);
    throw error;
  }
  const { id, reply } = answer;
  return { id, reply: reply === undefined ? undefined : unpackValue(reply) };
}
