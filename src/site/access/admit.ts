import type { Admit } from "../../directory/index.ts";
import type { Right } from "../../session/index.ts";
import type { Guard } from "./guard.ts";

/** Lets whoever is at the other end of a message socket in when their token allows `right`. */
export function admitBy(guard: Guard, right: Right, address: string): Admit {
  const need = { anyOf: [right] };
  return async (token) => {
    const decision = await guard.decide({ token, address }, need);
    if (decision.type === "refused") throw decision.error;
    return (end) => guard.book.hold(decision.grant, need, end);
  };
}
