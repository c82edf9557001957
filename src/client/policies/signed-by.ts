import type { AgentDefinition, PolicyRequest } from "../../agent/index.ts";

/** Code comes in only when one of these has signed it. */
export default {
  briefcase: { keys: [] },
  on: {
    judge(ctx, { hash, author }: PolicyRequest) {
      // Without a hash, no code comes with it.
      if (hash === undefined) return true;
      if (author !== undefined && ctx.briefcase.keys.includes(author)) return true;
      const who = author === undefined ? "the code is not signed" : `${author} has signed it`;
      return {
        effect: "deny" as const,
        reason: `${who}, and it takes one of ${ctx.briefcase.keys}`,
      };
    },
  },
} satisfies AgentDefinition<{ readonly keys: readonly string[] }>;
