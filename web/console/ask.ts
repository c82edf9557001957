import type { Clock } from "../../src/base/index.ts";

/** A site on the same machine or network answers far sooner. */
const DEADLINE_MS = 1_500;

/** Gets JSON from a site: the value when it is what `isWanted` accepts, else why not, in words. Never rejects. */
export async function ask<T extends object>(
  clock: Clock,
  url: string,
  isWanted: (value: unknown) => value is T,
): Promise<T | string> {
  return await request(clock, url, {}, async (response) => {
    const value: unknown = await response.json();
    return isWanted(value) ? value : "answers with something else than a site's report";
  });
}

/** Posts to a site: undefined when it was done, else why not, in words. Never rejects. */
export async function post(clock: Clock, url: string): Promise<string | undefined> {
  return await request(clock, url, { method: "POST" }, async () => undefined);
}

async function request<T>(
  clock: Clock,
  url: string,
  init: RequestInit,
  read: (response: Response) => Promise<T>,
): Promise<T | string> {
  const abort = new AbortController();
  const cancel = clock.after("console request", DEADLINE_MS, () => abort.abort());
  try {
    const response = await fetch(url, { ...init, signal: abort.signal, cache: "no-store" });
    return response.ok ? await read(response) : await refusalOf(response);
  } catch (cause) {
    if (abort.signal.aborted) return `no answer within ${DEADLINE_MS / 1000} s`;
    return cause instanceof SyntaxError ? "answers with something else than JSON" : "no answer";
  } finally {
    cancel();
  }
}

async function refusalOf(response: Response): Promise<string> {
  const plain = `answers with status ${response.status}`;
  try {
    const body: { error?: { message?: unknown } } = await response.json();
    return typeof body.error?.message === "string" ? body.error.message : plain;
  } catch {
    return plain;
  }
}
