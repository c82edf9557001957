import type { AgentDefinition, PolicyRequest } from "../../agent/index.ts";

/** What it counts: the moves of each principal in the minute that is running. */
interface Quota {
  /** Each undefined: as many as there may be. */
  streams?: number;
  agents?: number;
  movesPerMinute?: number;
  minute?: number;
  moves?: Record<string, number>;
}

/** So many streams for each principal, agents for each stream, and moves a minute for each principal. */
export default {
  briefcase: {},
  on: {
    judge(ctx, { action, at, by, streams = 0, agents = 0 }: PolicyRequest) {
      const quota = ctx.briefcase;
      const deny = (reason: string) => ({ effect: "deny" as const, reason });
      const some = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`;
      if (action === "create" && quota.streams !== undefined && streams >= quota.streams)
        return deny(`${by} has ${some(streams, "stream")}, and may have ${quota.streams}`);
      if (action === "attach" && quota.agents !== undefined && agents >= quota.agents)
        return deny(`it has ${some(agents, "agent")}, and may have ${quota.agents}`);
      if (action !== "move" || quota.movesPerMinute === undefined) return true;
      const minute = Math.floor(at / 60_000);
      if (quota.minute !== minute || quota.moves === undefined) {
        quota.minute = minute;
        quota.moves = Object.create(null) as Record<string, number>;
      }
      const moves = quota.moves[by] ?? 0;
      if (moves >= quota.movesPerMinute) {
        const seconds = Math.ceil(((minute + 1) * 60_000 - at) / 1_000);
        return deny(`${by} may move ${quota.movesPerMinute} a minute; try again in ${seconds} s`);
      }
      quota.moves[by] = moves + 1;
      return true;
    },
  },
} satisfies AgentDefinition<Quota>;
