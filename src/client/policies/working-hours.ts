import type { AgentDefinition, PolicyRequest } from "../../agent/index.ts";

/** When work is done. */
interface WorkingHours {
  /** Hours of the day: from the beginning of one to the beginning of the other, 24 being midnight. */
  readonly from: number;
  readonly to: number;
  /** Days of the week, 0 for Sunday. */
  readonly days: readonly number[];
  readonly zone: string;
  /** From when on, ms since 1970, the zone is so many minutes ahead of UTC. */
  readonly offsets: readonly (readonly [since: number, minutes: number])[];
}

/** What runs is changed during working hours only. Where it runs may change at any time, also when a site fails. */
export default {
  briefcase: { from: 0, to: 24, days: [0, 1, 2, 3, 4, 5, 6], zone: "UTC", offsets: [] },
  on: {
    judge(ctx, { action, at }: PolicyRequest) {
      const changing = [
        "create",
        "attach",
        "detach",
        "replace",
        "destroy",
        "dead-letter",
        "policy",
        "configure",
      ];
      if (!changing.includes(action)) return true;
      const { from, to, days, zone, offsets } = ctx.briefcase;
      const minutes = offsets.findLast(([since]) => since <= at)?.[1] ?? 0;
      const hours = (at + minutes * 60_000) / 3_600_000;
      // 1970 began with a Thursday.
      const day = (Math.floor(hours / 24) + 4) % 7;
      const hour = hours - 24 * Math.floor(hours / 24);
      if (days.includes(day) && hour >= from && hour < to) return true;
      const names = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
      const when = `${days.map((each) => names[each]).join(", ")} from ${from} to ${to} o'clock, ${zone}`;
      return { effect: "deny" as const, reason: `this is done ${when}` };
    },
  },
} satisfies AgentDefinition<WorkingHours>;
