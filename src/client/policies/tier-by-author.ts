import type { AgentDefinition, PolicyRequest } from "../../agent/index.ts";

/** Authors, by how far their code is trusted. */
interface Tiers {
  /** Their code may ask for anything. */
  readonly trusted: readonly string[];
  /** Their code may ask for so much and no more. */
  readonly known: readonly string[];
  readonly memoryMb: number;
  readonly handlerMs: number;
}

/** The code of trusted authors runs as it asks to, that of known ones within bounds, and no other. */
export default {
  briefcase: { trusted: [], known: [], memoryMb: 64, handlerMs: 5_000 },
  on: {
    judge(ctx, { action, hash, author, limits }: PolicyRequest) {
      // A policy is code that judges others: it takes the trust of an agent.
      if (
        hash === undefined ||
        (action !== "attach" && action !== "replace" && action !== "policy")
      )
        return true;
      const deny = (reason: string) => ({ effect: "deny" as const, reason });
      const { trusted, known, memoryMb, handlerMs } = ctx.briefcase;
      if (author === undefined) return deny("the code is not signed");
      if (trusted.includes(author)) return true;
      if (!known.includes(author)) return deny(`${author} is no author that is known here`);
      if (limits === undefined) return deny("it is not known what the code may use");
      if (limits.memoryMb > memoryMb)
        return deny(`it wants ${limits.memoryMb} MB, and code of ${author} gets ${memoryMb}`);
      if (limits.handlerMs > handlerMs)
        return deny(`it wants ${limits.handlerMs} ms, and code of ${author} gets ${handlerMs}`);
      return true;
    },
  },
} satisfies AgentDefinition<Tiers>;
