import type { Random } from "../../base/index.ts";
import { Shell } from "../../session/shell/index.ts";
import type { SimSite } from "../world/sim-site.ts";
import type { World } from "../world/world.ts";
import {
  ASKS,
  counterBriefcase,
  counterSource,
  GUARD_SOURCE,
  witnessHandler,
  witnessSource,
} from "./storm-agents.ts";
import type { StormPlan, Trouble } from "./storm-plan.ts";

/** A stream of a storm that nobody may touch. */
export const UNTOUCHED = "untouched";

/** One whose policy denies appends now and then: what is refused is given up. */
export const GUARDED = "guarded";

type Port = ReturnType<NonNullable<SimSite["streams"]>["openShell"]>;

/** A shell that writes. It ends with the process of its home. */
export class StormWriter {
  readonly name: string;
  readonly home: SimSite;
  readonly #instance: number;
  readonly #port: Port;
  readonly shell: Shell;
  /** Messages, by receiver. */
  readonly sent: Record<string, number> = {};
  /** To the guarded stream, where some are refused. */
  guarded = 0;

  constructor(name: string, home: SimSite, port: Port) {
    this.name = name;
    this.home = home;
    this.#instance = home.siteInstance.instance;
    this.#port = port;
    this.shell = new Shell(port);
  }

  /** Whether what it sent is still delivered. */
  get lives(): boolean {
    return this.home.siteInstance.instance === this.#instance && this.home.isUp;
  }

  /** Whether all that it sent is over. */
  get isDone(): boolean {
    return !this.lives || this.#port.endpoint.isEmpty;
  }
}

/** An append that waits for its answer. */
export interface Question {
  readonly to: string;
  readonly from: StormWriter;
  outcome: "pending" | "answered" | "failed";
  /** What came in place of the right answer. */
  error: string | undefined;
}

/** A message that ends what runs it. */
export interface Poison {
  readonly number: number;
  readonly to: string;
  readonly from: StormWriter;
}

/** How much was done. */
export interface LoadCounts {
  appends: number;
  moves: number;
  movesFailed: number;
  changes: number;
  changesFailed: number;
  /** Tries of what is denied. */
  denied: number;
  /** Times that the guarded stream was closed to appends. */
  closed: number;
}

/** What people and programs do in a storm. */
export class StormLoad {
  readonly writers: StormWriter[] = [];
  readonly questions: Question[] = [];
  /** By number, from 1. */
  readonly poisons: Poison[] = [];
  readonly counts: LoadCounts = {
    ...{ appends: 0, moves: 0, movesFailed: 0, changes: 0, changesFailed: 0, denied: 0, closed: 0 },
  };
  readonly #world: World;
  readonly #plan: StormPlan;
  readonly #random: Random;
  readonly #names: readonly string[];
  #isOver = false;

  constructor(world: World, plan: StormPlan, random: Random) {
    this.#world = world;
    this.#plan = plan;
    this.#random = random;
    this.#names = plan.streams.map(({ name }) => name);
  }

  /** Makes the streams. */
  async prepare(): Promise<void> {
    const { streams, sites } = this.#plan;
    const shell = new Shell(this.#world.shell(this.#world.leader, "maker"));
    const siteNames = sites.map(({ name }) => name);
    for (const stream of streams) {
      const { name, at, durability, failureManagers, isolation, isJoint } = stream;
      await shell.createStream(name, { at, durability, failureManagers });
      const source = counterSource(this.#plan, stream);
      const briefcase = counterBriefcase(this.#names, siteNames);
      await shell.registerAgent(name, { source }, { briefcase });
      if (isJoint)
        await shell.registerAgent(name, { source: witnessSource(this.#plan, isolation) });
    }
    const [{ name: at } = this.#world.leader] = sites;
    await shell.createStream(GUARDED, { at, durability: { type: "message" } });
    await shell.registerAgent(GUARDED, { source: GUARD_SOURCE });
    // [I6] Nobody may touch this one, and nothing of it may change.
    await shell.createStream(UNTOUCHED, { at: this.#world.leader.name });
    await shell.setPolicy(`streams/${UNTOUCHED}`, [
      { effect: "deny", actions: ["*"], reason: "it stays" },
    ]);
    await shell.close();
  }

  /** The guarded stream takes everything again. Settles when it says so. */
  async unguard(): Promise<void> {
    const shell = new Shell(this.#world.shell(this.#world.leader));
    await shell.setPolicy(`streams/${GUARDED}`, []);
    await shell.close();
  }

  begin(): void {
    const { writeMs, moves, changes, poisons } = this.#plan;
    this.#each("write", { everyMs: writeMs, msMax: 0 }, () => this.#write());
    this.#each("move", moves, (msMax) => this.#move(msMax));
    this.#each("change", changes, () => this.#change());
    this.#each("poison", poisons, () => this.#poison());
    const guard = { everyMs: this.#plan.durationMs / 6, msMax: this.#plan.durationMs / 20 };
    this.#each("guard", guard, (msMax) => this.#guard(msMax));
    this.#each("touch", { everyMs: this.#plan.durationMs / 8, msMax: 0 }, () => this.#touch());
  }

  end(): void {
    this.#isOver = true;
  }

  #each(name: string, trouble: Trouble | undefined, task: (msMax: number) => void): void {
    if (trouble === undefined) return;
    const random = this.#random;
    let at = random.float() * trouble.everyMs;
    for (; at < this.#plan.durationMs; at += (0.2 + 1.6 * random.float()) * trouble.everyMs)
      this.#world.clock.after(name, at, () => this.#isOver || task(trouble.msMax));
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)] as T;
  }

  /** The streams of a site that can be used, once it has heard of all of them. */
  #streamsOf(site: SimSite): SimSite["streams"] {
    const { streams } = site;
    const knows = (streams?.table.records.length ?? 0) >= this.#names.length + 2;
    return knows && site.isUp && !site.isLeaving && !site.process.frozen ? streams : undefined;
  }

  /** A shell at a site that can be used. */
  #open(): Port | undefined {
    const site = this.#pick(this.#world.sites);
    return this.#streamsOf(site)?.openShell();
  }

  /** A shell at a site that can be used. */
  #writer(): StormWriter | undefined {
    const site = this.#pick(this.#world.sites);
    let writer = this.writers.find((each) => each.home === site && each.lives);
    const streams = this.#streamsOf(site);
    if (streams === undefined) return undefined;
    if (writer === undefined) {
      const name = `shell-${this.writers.length}`;
      writer = new StormWriter(name, site, streams.openShell(name));
      this.writers.push(writer);
    }
    return writer;
  }

  /** Sends what ends whatever runs it. */
  #poison(): void {
    const from = this.#writer();
    if (from === undefined) return;
    const to = this.#pick(this.#names);
    const number = this.poisons.length + 1;
    this.poisons.push({ number, to, from });
    from.shell.append(to, { poison: number }).catch(() => {
      // Its home was killed.
    });
  }

  #write(): void {
    const writer = this.#writer();
    if (writer === undefined) return;
    this.counts.appends++;
    if (this.#random.below(8) === 0) {
      writer.shell.append(GUARDED, { n: ++writer.guarded }).catch(() => {
        // Its home was killed.
      });
      return;
    }
    const to = this.#pick(this.#names);
    if (this.#random.float() < this.#plan.waiting) this.#ask(writer, to);
    else {
      const n = (writer.sent[to] ?? 0) + 1;
      writer.sent[to] = n;
      writer.shell.append(to, { life: writer.name, n }).catch(() => {
        // Its home was killed.
      });
    }
  }

  #ask(from: StormWriter, to: string): void {
    const question: Question = { to, from, outcome: "pending", error: undefined };
    this.questions.push(question);
    from.shell.append(to, { asks: ASKS }, { until: "consumed" }).then(
      ({ reply }) => {
        question.outcome = reply === 2 * ASKS ? "answered" : "failed";
        if (reply !== 2 * ASKS) question.error = `the answer ${String(reply)}`;
      },
      (error: unknown) => {
        question.outcome = "failed";
        question.error = String(error);
      },
    );
  }

  #move(msMax: number): void {
    const port = this.#open();
    if (port === undefined) return;
    const stream = this.#pick([...this.#names, GUARDED]);
    const to = this.#pick(this.#world.sites).name;
    void this.#moveThere(port, stream, to, msMax).finally(() => void port.close());
  }

  /** Often it comes back at once: what is still on its way then is of an epoch that is over. */
  async #moveThere(port: Port, stream: string, to: string, msMax: number): Promise<void> {
    const comesBack = this.#random.float() < this.#plan.returns;
    try {
      const { from } = await port.move(stream, to, 150 + this.#random.below(msMax));
      this.counts.moves++;
      if (comesBack && from !== to && !this.#isOver)
        await this.#moveThere(port, stream, from, msMax);
    } catch {
      // To a site that is down, say.
      this.counts.movesFailed++;
    }
  }

  /** Closes the guarded stream to appends for a while. */
  #guard(msMax: number): void {
    const port = this.#open();
    if (port === undefined) return;
    const scope = `streams/${GUARDED}`;
    const closed = [{ effect: "deny", actions: ["append"], reason: "closed" }];
    port
      .setPolicy(scope, closed)
      .then(() => this.counts.closed++)
      .catch(() => {
        // The leader is down.
      })
      .finally(() => void port.close());
    this.#world.clock.after("unguard", 20 + this.#random.float() * msMax, () => {
      const later = this.#open();
      later
        ?.setPolicy(scope, [])
        .catch(() => {
          // The leader is down; it is opened in the end.
        })
        .finally(() => void later.close());
    });
  }

  /** Attaches a witness, replaces its handler, detaches it. */
  #change(): void {
    const port = this.#open();
    if (port === undefined) return;
    const name = this.#pick(this.#names);
    const shell = new Shell(port);
    const isolation = this.#pick(["inline", "process", "thread"] as const);
    const witness = { name: "witness", stream: name };
    const tasks = [
      () => shell.registerAgent(name, { source: witnessSource(this.#plan, isolation) }),
      () => port.replaceHandler(name, witness.name, "append", witnessHandler(this.#plan, 1)),
      () => port.detachAgent(name, witness.name),
    ];
    this.#pick(tasks)()
      .then(() => this.counts.changes++)
      // There is one already, or none, or its site is down.
      .catch(() => this.counts.changesFailed++)
      .finally(() => void port.close());
  }

  /** Tries what is not allowed. */
  #touch(): void {
    const port = this.#open();
    if (port === undefined) return;
    const tries = [
      () => port.move(UNTOUCHED, this.#pick(this.#world.sites).name, 1_000),
      () => port.destroyStream(UNTOUCHED),
      () => new Shell(port).registerAgent(UNTOUCHED, { source: "export default { on: {} }" }),
    ];
    this.counts.denied++;
    this.#pick(tries)()
      .then((answer) => {
        // A move to where it is already changes nothing.
        if (typeof answer === "object" && "from" in answer && answer.from === answer.to) return;
        this.#world.invariants.broken("I6", `somebody did to \`${UNTOUCHED}\` what is denied`);
      })
      .catch(() => {
        // As it should be.
      })
      .finally(() => void port.close());
  }
}
