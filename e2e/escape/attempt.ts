/** What agents are run in. */
export type Tier = "inline" | "process";

/** The kinds of attempts, in the order in which they are made. */
export const KINDS = [
  "reach",
  "mutate",
  "leak",
  "values",
  "limits",
  "time",
  "memory",
  "flood",
] as const;
export type Kind = (typeof KINDS)[number];

/** How the message of an attempt ended: its handler's reply, or the code of its failure. */
export type Ending =
  | { readonly type: "reply"; readonly reply: unknown }
  | { readonly type: "failed"; readonly code: string; readonly message: string };

/** One agent that tries to get further than it may. */
export interface Attempt {
  /** `reach/constructor-of-context` */
  readonly name: string;
  readonly kind: Kind;
  /** The text of its handlers: what stands in `on: { … }`. */
  readonly on: string;
  /** Text before the definition, at the top level of the module. */
  readonly before?: string;
  /** Its limits; default: 5 s, and 64 MiB. */
  readonly limits?: { readonly handlerMs?: number; readonly memoryMb?: number };
  /** Messages that are appended, one after the other; default: one. */
  readonly messages?: readonly unknown[];
  /**
   * What it got that it may not have, by how its messages ended. Default: what its last reply lists; anything but a
   * list, or a failure, is nothing.
   */
  readonly reached?: (endings: readonly Ending[]) => readonly string[];
  /** Codes of which its last message must fail with one. Default: it may end in any way. */
  readonly fails?: readonly string[];
  /** The longest that an append of another owner may take meanwhile, ms. Undefined: it is not measured. */
  readonly othersMs?: number;
  /** How long it goes on after its messages, ms. */
  readonly lastsMs?: number;
  /** Where it is of interest; default: everywhere. */
  readonly tiers?: readonly Tier[];
}

/** An attempt that is one expression, whose value is what it got: anything but nothing is too much. */
export function expression(kind: Kind, name: string, text: string): Attempt {
  return {
    name: `${kind}/${name}`,
    kind,
    on: `append: async (ctx, m) => {
      let got;
      try { got = await (${text}); } catch { return []; }
      return got === undefined || got === null || got === false || got === "undefined" ? [] : [String(got)];
    }`,
  };
}

/** Attempts of one kind, by name. */
export function expressions(kind: Kind, texts: Readonly<Record<string, string>>): Attempt[] {
  return Object.entries(texts).map(([name, text]) => expression(kind, name, text));
}

/** What the last reply lists. */
export function listed(endings: readonly Ending[]): readonly string[] {
  const last = endings.at(-1);
  return last?.type === "reply" && Array.isArray(last.reply) ? last.reply.map(String) : [];
}
