import type { Clock } from "../../../src/base/index.ts";
import type { SessionToken } from "../../token/session-token.ts";

/** Longest wait for an answer, ms. A site in the same network answers far sooner. */
const DEADLINE_MS = 1_500;
/** Longest wait until something is done: a process that starts on a busy machine takes seconds, ms. */
const ACT_DEADLINE_MS = 15_000;

/** With what a text begins that says that a site did not answer. */
export const NO_ANSWER = "no answer";

/**
 * Gets JSON from a site: the value if `isWanted` accepts it, else a text that says why there is none. Never rejects.
 */
export async function ask<T extends object>(
  clock: Clock,
  url: string,
  isWanted: (value: unknown) => value is T,
  token: SessionToken,
): Promise<T | string> {
  return await request(clock, url, {}, token, DEADLINE_MS, async (response) => {
    const value: unknown = await response.json();
    return isWanted(value) ? value : "the answer is not a report of a site";
  });
}

/** Posts to a site: undefined when it was done, else a text that says why not. Never rejects. */
export async function post(
  clock: Clock,
  url: string,
  token: SessionToken,
): Promise<string | undefined> {
  return await request(
    clock,
    url,
    { method: "POST" },
    token,
    ACT_DEADLINE_MS,
    async () => undefined,
  );
}

async function request<T>(
  clock: Clock,
  url: string,
  init: RequestInit,
  token: SessionToken,
  withinMs: number,
  read: (response: Response) => Promise<T>,
): Promise<T | string> {
  const abort = new AbortController();
  const cancel = clock.after("console request", withinMs, () => abort.abort());
  try {
    const { headers } = token;
    const options: RequestInit = {
      ...{ ...init, headers, signal: abort.signal, cache: "no-store" },
      // A token is for the site that was asked, wherever that points.
      redirect: "error",
      referrerPolicy: "no-referrer",
    };
    const response = await fetch(url, options);
    if (!response.ok) return await refusalOf(response, token);
    return await read(response);
  } catch (cause) {
    if (abort.signal.aborted) return `${NO_ANSWER} within ${withinMs / 1000} s`;
    return cause instanceof SyntaxError ? "the answer is not JSON" : NO_ANSWER;
  } finally {
    cancel();
  }
}

async function refusalOf(response: Response, token: SessionToken): Promise<string> {
  const plain = `HTTP status ${response.status}`;
  try {
    const body: { error?: { code?: unknown; message?: unknown; where?: unknown } } =
      await response.json();
    const { code, message, where } = body.error ?? {};
    if (typeof code === "string" && typeof message === "string") token.refused(code, `${message}.`);
    if (typeof message !== "string") return plain;
    // Which policy it is that denies.
    return code === "denied" && typeof where === "string" ? `${message} (${where})` : message;
  } catch {
    return plain;
  }
}
