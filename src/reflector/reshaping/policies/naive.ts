import type { ReshapingPolicy } from "../reshaping-policy.ts";

/**
 * What the Reflector paper measured first (6.3, Figure 12), for contrast: nothing is kept ready, a site that shuts down
 * stops forwarding at once, and what it told is tried only when the channel is lost.
 */
export const naivePolicy: ReshapingPolicy = {
  name: "naive",
  forwardsWhileLeaving: false,
  choose: ({ candidates, lostMs }) => ({
    learned:
      lostMs === 0
        ? candidates
            .filter(({ relation, state }) => relation !== "route" && state === "active")
            .map(({ name }) => name)
        : candidates
            .filter(({ isThroughUs, relation }) => relation === "source-of-source" && !isThroughUs)
            .map(({ name }) => name),
  }),
  preferMs: () => 0,
};
