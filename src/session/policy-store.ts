import { z } from "zod";
import { type Clock, LIMITS } from "../base/index.ts";
import type { Directory, Json } from "../directory/index.ts";
import { type Asker, signature } from "./asker.ts";
import { type CodePolicy, codePolicySchema } from "./code-policy.ts";
import { ControlQueue } from "./control-queue.ts";
import { policyRulesSchema } from "./stream-record-schema.ts";
import type { PolicyRule } from "./stream-records.ts";

/** What a scope may have as its policy: rules, in order, or code. No rules: it has none. */
export type Policy = readonly PolicyRule[] | CodePolicy;

/** A policy that a scope has or had. The value of `policy-history/SCOPE` is a list of them, the oldest first. */
export interface PolicyEntry {
  /** Counts the changes of the scope, from 1. */
  readonly number: number;
  /** When it was set, ms since 1970. Undefined, as is `by`: before changes were kept. */
  readonly at?: number | undefined;
  /** The principal that set it, as text. */
  readonly by?: string | undefined;
  readonly label?: string | undefined;
  readonly policy: Policy;
  /** The number of the entry that was set again. */
  readonly restores?: number | undefined;
}

const policySchema: z.ZodType<Policy> = z.union([policyRulesSchema, codePolicySchema]);
const historySchema: z.ZodType<readonly PolicyEntry[]> = z.array(
  z.object({
    number: z.int().min(1),
    at: z.number().optional(),
    by: z.string().optional(),
    label: z.string().optional(),
    policy: policySchema,
    restores: z.int().min(0).optional(),
  }),
);

/** A change of a scope's policy. */
export interface PolicyReplacement {
  readonly policy: Policy;
  readonly by: Asker;
  readonly restores?: number | undefined;
}

/** What a {@link PolicyStore} uses. */
export interface PolicyStorePorts {
  readonly directory: Directory;
  readonly clock: Clock;
  checkLeads(): Promise<void>;
}

/** The policies of a session, those in force and those of before, in the directory. */
export class PolicyStore {
  readonly #ports: PolicyStorePorts;
  /** Changes of one scope come one after the other; who may make any bounds how many wait. */
  readonly #queue = new ControlQueue();

  constructor(ports: PolicyStorePorts) {
    this.#ports = ports;
  }

  /** The scopes that have a policy. */
  async scopes(): Promise<readonly string[]> {
    const entries = await this.#ports.directory.list("policy/");
    return entries.map(({ key }) => key.slice("policy/".length));
  }

  /** The policy of a scope; undefined: it has none that can be read. */
  async inForce(scope: string): Promise<Policy | undefined> {
    const entry = await this.#ports.directory.get(`policy/${scope}`);
    return policySchema.safeParse(entry?.value).data;
  }

  /** The newest policies of a scope, the oldest of them first; also when it has none any more. */
  async history(scope: string): Promise<readonly PolicyEntry[]> {
    const entry = await this.#ports.directory.get(`policy-history/${scope}`);
    const entries = historySchema.safeParse(entry?.value).data ?? [];
    if (entries.length > 0) return entries;
    const policy = await this.inForce(scope);
    return policy === undefined ? [] : [{ number: 1, policy }];
  }

  /**
   * Replaces the policy of a scope, and keeps the one of before. One that is equal to it changes nothing.
   *
   * @throws {MeanderError} `leader-fenced`, `directory-full`
   */
  change(scope: string, { policy, by, restores }: PolicyReplacement): Promise<void> {
    return this.#queue.run(scope, async () => {
      const { directory, clock, checkLeads } = this.#ports;
      await checkLeads();
      const key = `policy/${scope}`;
      const before = (await directory.get(key))?.value ?? [];
      if (isSame(before, policy)) return;
      const entries = await this.history(scope);
      const number = (entries.at(-1)?.number ?? 0) + 1;
      const entry = { number, at: clock.wall(), ...signature(by), policy, restores };
      // First: whatever was in force can be told, and gone back to.
      await directory.put(`policy-history/${scope}`, jsonOf(bounded([...entries, entry])));
      if (Array.isArray(policy) && policy.length === 0) await directory.delete(key);
      else await directory.put(key, jsonOf(policy));
    });
  }

  /** Forgets what a scope had, unless it has a policy: there is no such stream any more. */
  forget(scope: string): Promise<void> {
    return this.#queue.run(scope, async () => {
      const { directory } = this.#ports;
      if ((await directory.get(`policy/${scope}`)) !== undefined) return;
      await directory.delete(`policy-history/${scope}`);
    });
  }
}

/** Of a scope's entries, the one that is in force: the newest that is equal to its policy. */
export function entryInForce(
  entries: readonly PolicyEntry[],
  policy: Policy | undefined,
): PolicyEntry | undefined {
  return entries.findLast((entry) => isSame(entry.policy, policy ?? []));
}

/** The newest entries, as many as are kept. */
function bounded(entries: readonly PolicyEntry[]): readonly PolicyEntry[] {
  const kept = entries.slice(-LIMITS.policyHistoryMax);
  while (kept.length > 1 && bytesOf(kept) > LIMITS.policyHistoryBytesMax) kept.shift();
  return kept;
}

function bytesOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).byteLength;
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** A value, all of whose parts are JSON or undefined, as JSON. */
function jsonOf(value: object): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
