import { LIMITS } from "../../base/index.ts";
import { unpackValue } from "../../wire/index.ts";
import type { Verdict } from "../model.ts";

/** The verdict of a policy, or that it gave none. */
export interface PolicyAnswer extends Verdict {
  readonly isFault?: true | undefined;
}

const EXPECTED = "true, false or { effect, reason, forMs }";

/**
 * Reads what a `judge` handler returned: `true` allows, `false` denies, and so does `{ effect: "allow" | "deny" }`,
 * which may give a reason, or say how long it holds. Anything else denies.
 *
 * @param reply packed, as another process wrote it; undefined: it returned nothing
 */
export function readVerdict(reply: Uint8Array | undefined): PolicyAnswer {
  let value: unknown;
  try {
    value = reply === undefined ? undefined : unpackValue(reply);
  } catch {
    value = undefined;
  }
  if (value === true) return { effect: "allow" };
  if (value === false) return { effect: "deny" };
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const { effect, reason, forMs } = value as Readonly<Record<string, unknown>>;
    if (effect === "allow" && forMs === undefined) return { effect };
    if (effect === "allow" && typeof forMs === "number" && forMs >= 0)
      return { effect, forMs: Math.min(forMs, LIMITS.grantMs) };
    if (effect === "deny" && typeof reason === "string")
      return { effect, reason: reason.slice(0, LIMITS.policyReasonMax) };
    if (effect === "deny") return { effect };
  }
  const reason = `the policy gave no verdict; expected ${EXPECTED}`;
  return { effect: "deny", reason, isFault: true };
}
