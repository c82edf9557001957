import { MeanderError, type Random } from "../../base/index.ts";
import { Shell } from "../../session/shell/index.ts";
import type { SimSite } from "../world/sim-site.ts";
import type { World } from "../world/world.ts";
import type { StormPlan } from "./storm-plan.ts";

/** A stream to which agents are attached, one for each request. */
export const BOARD = "board";
/** What every policy of the session denies, whatever it is replaced by. */
const FORBIDDEN = "forbidden";
/** Kinds of names: most policies deny one of them. */
const KINDS = ["ash", "birch", "cedar"] as const;
/** Of the agents of the board. */
const BOARD_AGENTS_MAX = 40;

/** How much was asked while policies changed. */
export interface PolicyCounts {
  /** Policies that were set, and attempts at it that failed. */
  policies: number;
  policiesFailed: number;
  /** Requests that were allowed, denied, and those of which nothing is known: the leader was down, say. */
  allowed: number;
  refused: number;
  unclear: number;
}

/** A control request, and what became of it. */
interface Request {
  readonly action: "create" | "attach";
  readonly name: string;
  outcome: "pending" | "allowed" | "refused" | "unclear";
  /** Whether the site lives at which it was asked. */
  readonly lives: () => boolean;
}

/**
 * Policies that are replaced at random, rules by code and code by rules, while shells ask for what some of them deny.
 * What was denied has changed nothing, what was allowed is not lost, and what each policy of the session denies is denied
 * at the moment of a replacement too.
 */
export class StormPolicies {
  readonly counts: PolicyCounts = {
    ...{ policies: 0, policiesFailed: 0, allowed: 0, refused: 0, unclear: 0 },
  };
  readonly failures: string[] = [];
  readonly #world: World;
  readonly #plan: StormPlan;
  readonly #random: Random;
  readonly #requests: Request[] = [];
  #isOver = false;

  constructor(world: World, plan: StormPlan, random: Random) {
    this.#world = world;
    this.#plan = plan;
    this.#random = random;
  }

  /** Makes the board, and the first policy of the session. */
  async prepare(): Promise<void> {
    if (this.#plan.policies === undefined) return;
    const shell = new Shell(this.#world.shell(this.#world.leader, "officer"));
    await shell.createStream(BOARD, { at: this.#world.leader.name });
    await shell.setPolicy("session", rules(FORBIDDEN));
    await shell.close();
  }

  begin(): void {
    const { policies } = this.#plan;
    if (policies === undefined) return;
    this.#each("policy", policies.everyMs, () => this.#replace());
    this.#each("request under policies", policies.everyMs / 3, () => this.#ask());
  }

  end(): void {
    this.#isOver = true;
  }

  /** Whether every request is answered that can be. */
  get isQuiet(): boolean {
    return !this.#requests.some(({ outcome, lives }) => outcome === "pending" && lives());
  }

  /** Compares what was answered with what there is, once all is at rest. */
  judge(): void {
    if (this.#plan.policies === undefined) return;
    const table = this.#world.leader.streams?.table;
    const board = new Set(table?.byName(BOARD)?.agents.map(({ spec }) => spec.name));
    for (const { action, name, outcome, lives } of this.#requests) {
      this.counts[outcome === "pending" ? "unclear" : outcome]++;
      const isThere = action === "create" ? table?.byName(name) !== undefined : board.has(name);
      if (outcome === "refused" && isThere)
        this.failures.push(`[A46] ${action} ${name} was denied, and done`);
      if (outcome === "allowed" && !isThere)
        this.failures.push(`[A46] ${action} ${name} was allowed, and is lost`);
      if (isThere && name.startsWith(FORBIDDEN))
        this.failures.push(`[A46] ${action} ${name} was done, which no policy ever allowed`);
      if (outcome === "pending" && lives())
        this.failures.push(`[A46] ${action} ${name} was never answered`);
    }
  }

  #each(name: string, everyMs: number, task: () => void): void {
    const random = this.#random;
    let at = random.float() * everyMs;
    for (; at < this.#plan.durationMs; at += (0.2 + 1.6 * random.float()) * everyMs)
      this.#world.clock.after(name, at, () => this.#isOver || task());
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)] as T;
  }

  /** Replaces the policy of a scope. */
  #replace(): void {
    const shell = shellAt(this.#pick(this.#world.sites));
    if (shell === undefined) return;
    const site = this.#pick(this.#plan.sites).name;
    const scope = this.#pick(["session", "session", `sites/${site}`, `streams/${BOARD}`]);
    const kind = this.#pick(KINDS);
    const makers = [() => rules(FORBIDDEN, kind), () => code(FORBIDDEN, kind)];
    // Any other scope may have no policy.
    if (scope !== "session") makers.push(() => []);
    shell
      .setPolicy(scope, this.#pick(makers)())
      .then(() => this.counts.policies++)
      .catch(() => this.counts.policiesFailed++)
      .finally(() => void shell.close());
  }

  /** Asks for something that the policies of now may deny. */
  #ask(): void {
    const site = this.#pick(this.#world.sites);
    const shell = shellAt(site);
    if (shell === undefined) return;
    const number = this.#requests.length;
    const attached = this.#requests.filter(({ action }) => action === "attach").length;
    const action = attached < BOARD_AGENTS_MAX && this.#random.below(2) === 0 ? "attach" : "create";
    // Rules know nothing of the names of agents.
    const isForbidden = action === "create" && this.#random.below(3) === 0;
    const name = `${isForbidden ? FORBIDDEN : this.#pick(KINDS)}-${number}`;
    const { instance } = site.siteInstance;
    const lives = (): boolean => site.isUp && site.siteInstance.instance === instance;
    const request: Request = { action, name, outcome: "pending", lives };
    this.#requests.push(request);
    const work =
      action === "create"
        ? shell.createStream(name, { at: this.#pick(this.#plan.sites).name })
        : shell.registerAgent(
            BOARD,
            { source: "export default { on: { append: (c, v) => v } }" },
            { name },
          );
    work
      .then(() => {
        request.outcome = "allowed";
      })
      .catch((error: unknown) => {
        const isDenied = error instanceof MeanderError && error.code === "denied";
        request.outcome = isDenied ? "refused" : "unclear";
      })
      .finally(() => void shell.close());
  }
}

/** A shell at a site, if that is up. */
function shellAt(site: SimSite): Shell | undefined {
  const { streams } = site;
  const isUsable = site.isUp && !site.isLeaving && !site.process.frozen;
  return isUsable && streams !== undefined ? new Shell(streams.openShell()) : undefined;
}

/** A policy of rules that denies streams and agents whose names begin so. */
function rules(...kinds: readonly string[]): readonly unknown[] {
  return kinds.flatMap((kind) => [
    { effect: "deny", actions: ["create"], stream: `${kind}-*`, reason: `no ${kind}` },
  ]);
}

/** The same as code. It throws instead of denying now and then, which denies as well. */
function code(...kinds: readonly string[]): { readonly source: string } {
  return {
    source: `export default { on: { judge: (ctx, { action, stream, agent }) => {
      const name = action === "attach" ? agent : stream;
      if (!${JSON.stringify(kinds)}.some((kind) => name?.startsWith(kind + "-"))) return true;
      ctx.briefcase.count = (ctx.briefcase.count ?? 0) + 1;
      if (ctx.briefcase.count % 3 === 0) throw new Error("no more");
      return { effect: "deny", reason: "no " + name };
    } } };`,
  };
}
