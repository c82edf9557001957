import type { ViewerGate, ViewerVerdict } from "../../reflector/index.ts";
import { addressOf } from "./address-of.ts";
import type { Need } from "./grant.ts";
import type { Asker, Decision, Guard } from "./guard.ts";

/** Admits viewers as a guard decides. */
export function viewerGateOf(guard: Guard): ViewerGate {
  return {
    get isOpen() {
      return guard.isOpen;
    },
    admit: ({ token, address }, channel) => {
      const need = { anyOf: ["watch"], channel } as const;
      const asker = { token, address: addressOf(address) };
      const decision = guard.decide(asker, need, { act: actOn(channel) });
      return decision instanceof Promise
        ? decision.then((late) => verdictOf(guard, asker, need, late))
        : verdictOf(guard, asker, need, decision);
    },
  };
}

function verdictOf(
  guard: Guard,
  asker: Asker,
  need: Need & { readonly channel: string },
  decision: Decision,
): ViewerVerdict {
  if (decision.type === "refused") {
    const { code, message } = decision.error;
    return { type: "refused", code, message };
  }
  // Where every viewer may watch, none is judged.
  if (!guard.isOpen) guard.noteGranted(asker, need, decision.grant, actOn(need.channel));
  return {
    type: "admitted",
    hold: (end) =>
      guard.book.hold(decision.grant, need, ({ code, message }) => end({ code, message })),
  };
}

function actOn(channel: string): { readonly what: "channel.watch"; readonly on: string } {
  return { what: "channel.watch", on: `channel ${channel}` };
}
