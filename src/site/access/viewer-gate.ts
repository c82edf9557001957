import type { ViewerGate, ViewerVerdict } from "../../reflector/index.ts";
import { addressOf } from "./address-of.ts";
import type { Need } from "./grant.ts";
import type { Decision, Guard } from "./guard.ts";

/** Admits viewers as a guard decides. */
export function viewerGateOf(guard: Guard): ViewerGate {
  return {
    get isOpen() {
      return guard.isOpen;
    },
    admit: ({ token, address }, channel) => {
      const need: Need = { anyOf: ["watch"], channel };
      const decision = guard.decide({ token, address: addressOf(address) }, need);
      return decision instanceof Promise
        ? decision.then((late) => verdictOf(guard, need, late))
        : verdictOf(guard, need, decision);
    },
  };
}

function verdictOf(guard: Guard, need: Need, decision: Decision): ViewerVerdict {
  if (decision.type === "refused") {
    const { code, message } = decision.error;
    return { type: "refused", code, message };
  }
  return {
    type: "admitted",
    hold: (end) =>
      guard.book.hold(decision.grant, need, ({ code, message }) => end({ code, message })),
  };
}
