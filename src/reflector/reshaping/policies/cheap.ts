import type { ReshapingPolicy } from "../reshaping-policy.ts";
import { chooseBy, preferMs } from "./standard.ts";

/** As the standard policy; of the sites that it would try, those of least cost first, by the site's configuration. */
export const cheapPolicy: ReshapingPolicy = {
  name: "cheap",
  forwardsWhileLeaving: true,
  choose: (facts) => chooseBy(facts, ({ cost, rttMs = 0 }) => cost * 1_000_000 + rttMs),
  preferMs,
};
