import type { MeanderError } from "../../base/index.ts";
import type { HttpHead } from "../http/messages.ts";
import { bearerOf } from "./bearer.ts";
import type { Decision, Guard } from "./guard.ts";

/** Why the client of a request is a stranger; undefined: it shows a valid token, or needs none here. [A21] */
export function strangernessOf(
  guard: Guard,
  { headers, remoteAddress }: Pick<HttpHead, "headers" | "remoteAddress">,
): MeanderError | undefined | Promise<MeanderError | undefined> {
  if (guard.isOpen) return undefined;
  const asker = { token: bearerOf(headers["authorization"]), address: remoteAddress };
  const decision = guard.decide(asker, { anyOf: [] });
  return decision instanceof Promise ? decision.then(errorOf) : errorOf(decision);
}

function errorOf(decision: Decision): MeanderError | undefined {
  return decision.type === "refused" ? decision.error : undefined;
}
