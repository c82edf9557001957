import type { AgentDefinition, PolicyRequest } from "../../agent/index.ts";

/** Who has created a stream controls it, and so do its own agents: no policy, and no right, lets others. */
export default {
  on: {
    judge(_ctx, { action, by, stream, owner }: PolicyRequest) {
      const controlling = [
        "attach",
        "detach",
        "replace",
        "move",
        "destroy",
        "inspect",
        "dead-letter",
      ];
      if (!controlling.includes(action) || owner === undefined) return true;
      if (by === owner || by === `stream:${stream}`) return true;
      return { effect: "deny" as const, reason: `${stream} is ${owner}'s alone` };
    },
  },
} satisfies AgentDefinition;
