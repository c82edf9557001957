import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { PolicyModule } from "../../agent/index.ts";
import { type Clock, MeanderError, SystemClock } from "../../base/index.ts";
import { packageRoot } from "../package-root.ts";
import { zoneOffsets } from "./zone-offsets.ts";

/** An option of a ready-made policy. */
export interface PolicyOption {
  /** What its value is called: `count`. */
  readonly value: string;
  /** One line for people. */
  readonly about: string;
  /** Reads its value: text from a command line, or the value itself. */
  readonly schema: z.ZodType;
}

/** A policy that ships with Meander: code in a file of this folder, whose options become its briefcase. */
export interface ReadyPolicy {
  /** One line for people. */
  readonly about: string;
  readonly options: Readonly<Record<string, PolicyOption>>;
  /** Of what is an option, at least one is wanted. */
  readonly needs?: string;
  /** What the code starts with. @param now ms since 1970 */
  briefcase(options: Readonly<Record<string, unknown>>, now: number): object;
}

const DAYS: readonly string[] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

export const READY_POLICIES: Readonly<Record<string, ReadyPolicy>> = {
  "owner-only": {
    about: "only who has created a stream controls it, and its own agents",
    options: {},
    briefcase: () => ({}),
  },
  quota: {
    about: "so many streams and moves a minute for each principal, and agents for each stream",
    options: {
      streams: option("count", "streams that a principal may have", whole(0, 1_000_000)),
      agents: option("count", "agents that a stream may have", whole(0, 1_000)),
      movesPerMinute: option("count", "moves of a principal in a minute", whole(0, 1_000_000)),
    },
    needs: "--streams, --agents or --moves-per-minute",
    briefcase: (options) => options,
  },
  "signed-by": {
    about: "code comes in only when one of these authors has signed it",
    options: { key: option("key,…", "authors: ed25519:…", keys()) },
    needs: "--key",
    briefcase: ({ key }) => ({ keys: key }),
  },
  "tier-by-author": {
    about: "code of trusted authors runs as it asks to, of known ones within bounds, and no other",
    options: {
      trusted: option("key,…", "authors whose code may ask for anything", keys()),
      known: option("key,…", "authors whose code gets what follows", keys()),
      memoryMb: option("mb", "memory of known authors' code (64)", whole(1, 1_000_000)),
      handlerMs: option("ms", "time of known authors' handlers (5000)", whole(1, 3_600_000)),
    },
    needs: "--trusted or --known",
    briefcase: (options) => ({
      ...{ trusted: [], known: [], memoryMb: 64, handlerMs: 5_000 },
      ...options,
    }),
  },
  "working-hours": {
    about: "what runs is changed during working hours only",
    options: {
      from: option("hour", "when they begin, 0 to 23", whole(0, 23)),
      to: option("hour", "when they end, 1 to 24", whole(1, 24)),
      days: option("days", "such as mon-fri, or mon,wed (mon-fri)", days()),
      zone: option("zone", "time zone, such as Europe/Berlin (UTC)", z.string().max(60)),
    },
    needs: "--from and --to",
    briefcase: workingHours,
  },
};

/**
 * A policy that ships with Meander, for `shell.setPolicy` and `shell.tryPolicy`.
 *
 * ```ts
 * await shell.setPolicy("session", await readyPolicy("quota", { streams: 10 }));
 * ```
 *
 * @param name such as `quota`; `meander policy list` has all of them
 * @param options by their names: `{ movesPerMinute: 6 }`; what a command line has as text may be text
 * @throws {MeanderError} `option-invalid`
 */
export async function readyPolicy(
  name: string,
  options: Readonly<Record<string, unknown>> = {},
  clock: Pick<Clock, "wall"> = new SystemClock(),
): Promise<PolicyModule> {
  const policy = Object.hasOwn(READY_POLICIES, name) ? READY_POLICIES[name] : undefined;
  if (policy === undefined)
    throw new MeanderError("option-invalid", `no policy is called ${JSON.stringify(name)}`, {
      where: "policy",
      expected: `one of ${Object.keys(READY_POLICIES).join(", ")}`,
    });
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const read = Object.fromEntries(given.map(([key, value]) => [key, readOption(name, key, value)]));
  if (policy.needs !== undefined && given.length === 0)
    throw new MeanderError("option-invalid", "it has no option", {
      where: `policy ${name}`,
      expected: policy.needs,
    });
  const briefcase = policy.briefcase(read, clock.wall());
  const file = join(packageRoot(), "src", "client", "policies", `${name}.ts`);
  const words = given.map(([key, value]) => ` ${flagOf(key)} ${value}`).join("");
  return { source: await readFile(file, "utf8"), file: `${name}${words}`.slice(0, 100), briefcase };
}

/** How an option is written on a command line: `--moves-per-minute`. */
export function flagOf(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function readOption(name: string, key: string, value: unknown): unknown {
  const { options } = READY_POLICIES[name] as ReadyPolicy;
  const known = Object.hasOwn(options, key) ? options[key] : undefined;
  if (known === undefined) {
    const flags = Object.keys(options).map(flagOf);
    throw new MeanderError("option-invalid", `it has no ${flagOf(key)}`, {
      where: `policy ${name}`,
      expected: flags.length === 0 ? "no options" : flags.join(", "),
    });
  }
  const { data, error } = known.schema.safeParse(value);
  if (error === undefined) return data;
  throw new MeanderError("option-invalid", `got ${JSON.stringify(value)}`, {
    where: `policy ${name}: ${flagOf(key)}`,
    expected: error.issues[0]?.message ?? known.about,
  });
}

function workingHours(options: Readonly<Record<string, unknown>>, now: number): object {
  const { from, to, days = [1, 2, 3, 4, 5], zone = "UTC" } = options;
  if (typeof from !== "number" || typeof to !== "number" || from >= to)
    throw new MeanderError("option-invalid", `got ${from ?? "nothing"} and ${to ?? "nothing"}`, {
      where: "policy working-hours: --from, --to",
      expected: "both, the first before the second",
    });
  try {
    return { from, to, days, zone, offsets: zoneOffsets(`${zone}`, now) };
  } catch (cause) {
    throw new MeanderError("option-invalid", `no time zone is called ${JSON.stringify(zone)}`, {
      where: "policy working-hours: --zone",
      expected: "a name such as UTC or Europe/Berlin",
      cause,
    });
  }
}

function option(value: string, about: string, schema: z.ZodType): PolicyOption {
  return { value, about, schema };
}

function whole(least: number, most: number): z.ZodType {
  const error = `a whole number from ${least} to ${most}`;
  return z.preprocess(
    (value) => (typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value),
    z.int({ error }).min(least, { error }).max(most, { error }),
  );
}

function keys(): z.ZodType {
  const error = "public keys of authors, ed25519: and 43 letters each, with commas between them";
  return z.preprocess(
    (value) => (typeof value === "string" ? value.split(",") : value),
    z
      .array(z.string().regex(/^ed25519:[A-Za-z0-9_-]{43}$/, { error }), { error })
      .min(1, { error })
      .max(200, { error: "at most 200 authors" }),
  );
}

/** `mon-fri`, `mon,wed`, `sat-mon`; or numbers, 0 for Sunday. */
function days(): z.ZodType {
  const error = "days, such as mon-fri, or mon,wed,sat";
  return z.preprocess(
    (value) => (typeof value === "string" ? value.split(",").flatMap(daysOf) : value),
    z.array(z.int({ error }).min(0, { error }).max(6, { error }), { error }).min(1, { error }),
  );
}

function daysOf(text: string): (number | undefined)[] {
  const [first = "", last = first] = text.trim().toLowerCase().split("-");
  const [from, to] = [first, last].map((name) => DAYS.indexOf(name));
  if (from === undefined || to === undefined || from < 0 || to < 0) return [undefined];
  return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, index) => (from + index) % 7);
}
