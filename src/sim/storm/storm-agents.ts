import type { PlannedStream, StormPlan } from "./storm-plan.ts";

/** What the agent of a stream in a storm has counted; committed with each message. */
export interface Counter {
  /** Drawn again when what it had counted is lost with its site. */
  readonly life: string;
  /** False once it has lost what it had counted. */
  readonly isWhole: boolean;
  /** By sender: the number of its last message, and in which of the sender's lives. */
  readonly seen: Readonly<Record<string, { readonly life: string; readonly n: number }>>;
  /** Messages sent in this life, by receiver. */
  readonly sent: Readonly<Record<string, number>>;
  /** Messages that did not come, and were to come before one that did. */
  readonly missed: readonly { readonly from: string; readonly life: string; readonly n: number }[];
  /** What must not be, in words. */
  readonly wrong: readonly string[];
  /** Timers set, and rung, in this life. */
  readonly timers: { readonly set: number; readonly rung: number };
  /** Appends that waited for their answer, and answers. */
  readonly asked: number;
  readonly answered: number;
  /** The id of the last message. */
  readonly last: string | undefined;
}

/** What the second agent of a stream keeps, in the same transactions. */
export interface Witness {
  readonly last: string | undefined;
  readonly count: number;
}

/** Of a message that waits for its answer; the answer is the double. */
export const ASKS = 21;

/**
 * The agent of every stream: checks that the messages of each sender come one by one, and does something by chance for each: passes it on, to one
 * stream or to several, moves its stream, sets a timer, waits for another stream's answer, fails.
 */
export function counterSource(
  { throws, eventThrows }: StormPlan,
  { isolation, handlerMs, durability }: PlannedStream,
): string {
  return `
const pick = (ctx, list) => list[Math.floor(ctx.random() * list.length)];
const next = (b, to) => {
  b.sent[to] = (b.sent[to] ?? 0) + 1;
  return { life: b.life, n: b.sent[to] };
};
const mayThrow = (ctx, chance) => {
  if (ctx.random() < chance) throw new Error("by chance");
};
const check = (ctx, { life, n }) => {
  const b = ctx.briefcase;
  const { id, from } = ctx.message;
  const last = b.seen[from];
  const wrong = (what) => b.wrong.push(ctx.stream + " got " + id + ", n=" + n + " of " + life + ", " + what);
  const missing = (before) => {
    if (n <= before || n > before + 20) wrong("behind " + before);
    else for (let each = before + 1; each < n; each++) b.missed.push({ from, life, n: each });
  };
  if (last === undefined) {
    if (b.isWhole) missing(0);
  } else if (last.life === life) missing(last.n);
  else {
    missing(0);
    if (b.over.includes(from + " " + life)) wrong("of a life that was over");
    b.over.push(from + " " + last.life);
  }
  b.seen[from] = { life, n };
};
export default {
  name: "counter",
  isolation: ${JSON.stringify(isolation)},
  limits: { handlerMs: ${handlerMs} },
  onError: { retry: 12, backoffMs: 15 },
  briefcase: {},
  on: {
    async append(ctx, message) {
      const b = ctx.briefcase;
      b.last = ctx.message.id;
      if (message.poison !== undefined) {
        b.wrong.push(ctx.stream + " consumed the poison " + message.poison);
        return;
      }
      if (message.asks !== undefined) {
        // It may move its own stream before its reply has gone.
        if (ctx.random() < 0.3) ctx.relocate(pick(ctx, b.sites));
        mayThrow(ctx, ${throws});
        return message.asks * 2;
      }
      check(ctx, message.numbers === undefined ? message : { life: message.life, n: message.numbers[ctx.stream] });
      // First, because what it sends is not undone when the handler fails.
      if (ctx.random() < 0.03) {
        b.asked++;
        const to = pick(ctx, b.names);
        try {
          const { reply } = await ctx.open(to).append({ asks: ${ASKS} }, { until: "consumed", timeoutMs: 1500 });
          if (reply !== ${2 * ASKS}) b.wrong.push(ctx.stream + " was answered " + reply + " by " + to);
          b.answered++;
        } catch (error) {
          if (!/append-timeout|call-cycle|handler-|executor-failed|stream-gone|site-gone/.test(String(error.code)))
            b.wrong.push(ctx.stream + " was answered by " + to + ": " + error.code + " " + error.message);
        }
      }
      while (ctx.random() < 0.4) {
        const to = pick(ctx, b.names);
        const body = next(b, to);
        ctx.open(to).append(ctx.random() < 0.05 ? { ...body, pad: new Uint8Array(4000) } : body);
      }
      if (ctx.random() < 0.04) {
        const members = b.names.filter(() => ctx.random() < 0.5);
        // One message for all; so each is told which number it has there.
        const numbers = Object.fromEntries(members.map((to) => [to, next(b, to).n]));
        await ctx.group(members).append({ life: b.life, numbers });
      }
      if (ctx.random() < 0.1) {
        b.timers.set++;
        ctx.timer(5 + ctx.random() * 200, b.life);
      }
      if (ctx.random() < 0.03) ctx.relocate(pick(ctx, b.sites));
      mayThrow(ctx, ${throws});
    },
    timer(ctx, life) {
      const b = ctx.briefcase;
      mayThrow(ctx, ${eventThrows});
      // One that a checkpoint had may ring in the next life, too.
      if (life !== b.life) return;
      b.timers.rung++;
      const to = pick(ctx, b.names);
      if (ctx.random() < 0.3) ctx.open(to).append(next(b, to));
    },
    failure(ctx) {
      const b = ctx.briefcase;
      ${durability.type === "message" ? "" : FORGET}
      mayThrow(ctx, ${eventThrows});
    },
    arrival(ctx) {
      mayThrow(ctx, ${eventThrows});
    },
    departure(ctx) {
      mayThrow(ctx, ${eventThrows});
    },
    siteJoined(ctx) {
      mayThrow(ctx, ${eventThrows});
    },
    siteFailed(ctx) {
      mayThrow(ctx, ${eventThrows});
    },
    agentAttached(ctx) {
      mayThrow(ctx, ${eventThrows});
    },
  },
};
`;
}

/** What it had counted means nothing any more: other sites may have heard of more. */
const FORGET = `
      b.life = ctx.location + "-" + Math.floor(ctx.random() * 1e9);
      b.isWhole = false;
      b.seen = {};
      b.missed = [];
      b.over = [];
      b.sent = {};
      b.timers = { set: 0, rung: 0 };`;

/** What a counter begins with. */
export function counterBriefcase(names: readonly string[], sites: readonly string[]): object {
  return {
    ...{
      life: "first",
      isWhole: true,
      seen: {},
      missed: [],
      over: [],
      sent: {},
      wrong: [],
      names,
      sites,
    },
    ...{ timers: { set: 0, rung: 0 }, asked: 0, answered: 0, last: undefined },
  };
}

/** What the agent of a guarded stream keeps: of what is let through, no message comes twice, or behind a later one. */
export interface Guard {
  /** The last number, by sender. */
  readonly seen: Readonly<Record<string, number>>;
  readonly wrong: readonly string[];
}

export const GUARD_SOURCE = `export default {
  name: "guard",
  isolation: "inline",
  briefcase: { seen: {}, wrong: [] },
  on: {
    append(ctx, { n }) {
      const { seen, wrong } = ctx.briefcase;
      const { id, from } = ctx.message;
      if (n <= (seen[from] ?? 0)) wrong.push("guarded got " + id + ", n=" + n + " behind " + seen[from]);
      seen[from] = n;
    },
  },
};`;

/** The handler of a witness, of which there are several that differ in nothing but their text. */
export function witnessHandler({ throws }: StormPlan, version: number): string {
  return `(ctx) => {
    ctx.briefcase.last = ctx.message.id;
    ctx.briefcase.count++;
    ctx.local.version = ${version};
    if (ctx.random() < ${throws}) throw new Error("by chance");
  }`;
}

/** A second agent of a stream: it must have seen the same last message, whatever became of either. */
export function witnessSource(plan: StormPlan, isolation: PlannedStream["isolation"]): string {
  return `export default {
  name: "witness",
  isolation: ${JSON.stringify(isolation)},
  onError: { retry: 12, backoffMs: 15 },
  briefcase: { last: undefined, count: 0 },
  on: { append: ${witnessHandler(plan, 0)}, finalize(ctx) {} },
};`;
}
