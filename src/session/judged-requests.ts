import type { PolicyRequest } from "../agent/define/index.ts";
import { LIMITS, type MeanderError } from "../base/index.ts";
import { scopeOfRule } from "./policy.ts";

/** What became of a request that policies have judged. */
export interface JudgedOutcome {
  readonly effect: "allow" | "deny";
  /** Whose policy denied it; undefined: none, it was allowed, or it was the stream of another. */
  readonly scope?: string | undefined;
  /** Which rule of which policy, or which stream, in words. */
  readonly rule?: string | undefined;
  readonly reason?: string | undefined;
}

/** A request that policies have judged. It has names, and nothing that was sent: no token, no message, no code. */
export interface JudgedRequest extends NotedRequest {
  readonly outcome: JudgedOutcome;
}

/** A request, with what decides about it. */
interface NotedRequest {
  readonly request: PolicyRequest;
  /** Whose policies judge it, in order. */
  readonly scopes: readonly string[];
  /** Of the briefcase that came with it. */
  readonly briefcaseBytes?: number | undefined;
  /** How it is refused where no policy lets who asks; undefined: it needs none. */
  readonly refusal?: MeanderError | undefined;
}

/** About what an entry takes besides its texts, bytes. */
const ENTRY_BYTES = 200;

/** The newest requests that the leader's policies have judged, for trying other policies on them. In memory alone. */
export class JudgedRequests {
  readonly #entries: { readonly judged: JudgedRequest; readonly bytes: number }[] = [];
  #bytes = 0;

  /** What judged it has allowed it, unless `error` says otherwise. */
  note(noted: NotedRequest, error: MeanderError | undefined): void {
    const judged = { ...noted, outcome: outcomeOf(error) };
    const bytes = bytesOf(judged);
    this.#entries.push({ judged, bytes });
    this.#bytes += bytes;
    while (
      this.#entries.length > LIMITS.judgedRequestsMax ||
      this.#bytes > LIMITS.judgedRequestsBytesMax
    )
      this.#bytes -= this.#entries.shift()?.bytes ?? 0;
  }

  /** Those that a scope's policy judges, the oldest first. @param last at most so many: the newest */
  of(scope: string, last: number): readonly JudgedRequest[] {
    return this.#entries
      .map(({ judged }) => judged)
      .filter(({ scopes }) => scopes.includes(scope))
      .slice(-last);
  }
}

function outcomeOf(error: MeanderError | undefined): JudgedOutcome {
  if (error === undefined) return { effect: "allow" };
  const { what, where } = error;
  return { effect: "deny", scope: scopeOfRule(where), rule: where, reason: what };
}

function bytesOf({ request, outcome }: JudgedRequest): number {
  let characters = 0;
  for (const value of [...Object.values(request), ...Object.values(outcome)])
    if (typeof value === "string") characters += value.length;
  return ENTRY_BYTES + 2 * characters;
}
