import type { Resident } from "../../stream/index.ts";
import { unpackValue } from "../../wire/index.ts";
import type { StreamWorld } from "../streams/stream-world.ts";
import type { Counter, Guard, Witness } from "./storm-agents.ts";
import { GUARDED, type StormLoad, type StormWriter, UNTOUCHED } from "./storm-load.ts";
import type { PlannedStream, StormPlan } from "./storm-plan.ts";

/** What a verdict rests on. */
export interface VerdictCounts {
  /** Pairs of sender and receiver of which every message was counted. */
  pairs: number;
  /** Pairs whose receiver has lost what it had counted, and got nothing since. */
  pairsForgotten: number;
  /** Appends that waited: all, those that must have an answer, and those of these that have one. */
  questions: number;
  questionsOwed: number;
  questionsAnswered: number;
  /** The same of handlers; all of them may be too late, or end in a circle. */
  asked: number;
  answered: number;
  timers: number;
  /** Messages that a second agent has seen together with the first one. */
  witnessed: number;
  /** Streams that have lost what they had counted. */
  forgetful: number;
  /** Events that are dead letters: departures that their move did not wait for. */
  deadLetters: number;
}

/** Looks at what is left when a storm is over, and says what should not be so. */
export class StormVerdict {
  readonly failures: string[] = [];
  readonly counts: VerdictCounts = {
    ...{ pairs: 0, pairsForgotten: 0, questions: 0, questionsOwed: 0, questionsAnswered: 0 },
    ...{ asked: 0, answered: 0, timers: 0, witnessed: 0, forgetful: 0, deadLetters: 0 },
  };
  readonly #world: StreamWorld;
  readonly #plan: StormPlan;
  readonly #load: StormLoad;

  constructor(world: StreamWorld, plan: StormPlan, load: StormLoad) {
    this.#world = world;
    this.#plan = plan;
    this.#load = load;
  }

  /** Whether nothing is on its way any more. */
  get isQuiet(): boolean {
    const { sites } = this.#world;
    if (sites.some(({ isUp, streams }) => !isUp || streams === undefined)) return false;
    if (this.#load.writers.some(({ isDone }) => !isDone)) return false;
    return this.#names.every((name) => {
      const resident = this.#residentOf(name);
      return (
        resident?.isEmpty &&
        resident.waiting === 0 &&
        resident.current() === undefined &&
        !resident.isFrozen &&
        !resident.hasEvents &&
        resident.isSettled &&
        resident.state().timers.length === 0
      );
    });
  }

  /** Judges it all. */
  judge(): void {
    const { violations } = this.#world.invariants;
    for (const { invariant, what, seconds } of violations)
      this.#fail(`[${invariant}] at ${seconds.toFixed(3)} s: ${what}`);
    if (violations.length > 0) return;
    if (!this.isQuiet) {
      for (const name of this.#names) this.#restless(name);
      return;
    }
    const counters = new Map<string, Counter>();
    for (const { name } of this.#plan.streams) {
      const counter = this.#briefcaseOf<Counter>(name, "counter");
      if (counter === undefined) this.#fail(`${name} has no agent any more`);
      else counters.set(name, counter);
    }
    for (const [name, counter] of counters) {
      this.#counted(name, counter);
      for (const [sender, { life, sent }] of counters)
        this.#pair({ sender, life, name, counter, had: sent[name] ?? 0 });
      for (const writer of this.#load.writers) this.#written(writer, name, counter);
    }
    this.#questions(counters);
    this.#untouched();
    for (const wrong of this.#briefcaseOf<Guard>(GUARDED, "guard")?.wrong ?? [])
      this.#fail(`[I1] ${wrong}`);
  }

  get #names(): string[] {
    return [...this.#plan.streams.map(({ name }) => name), GUARDED];
  }

  #counted(name: string, counter: Counter): void {
    for (const wrong of counter.wrong) this.#fail(`[I1] ${wrong}`);
    const { asked, answered, timers, isWhole, last } = counter;
    this.counts.asked += asked;
    this.counts.answered += answered;
    this.counts.timers += timers.rung;
    if (!isWhole) this.counts.forgetful++;
    if (timers.set !== timers.rung)
      this.#fail(`[M13] ${name} has set ${timers.set} timers, and ${timers.rung} have rung`);
    const witness = this.#briefcaseOf<Witness>(name, "witness");
    this.counts.witnessed += witness?.count ?? 0;
    if (witness?.last !== undefined && witness.last !== last)
      this.#fail(`[M3] the agents of ${name} saw ${last} and ${witness.last} last`);
    for (const { source, sourceName, seq } of this.#residentOf(name)?.deadLetters ?? []) {
      this.counts.deadLetters++;
      if (source !== 0 || !sourceName.endsWith(":departure"))
        this.#fail(`[M8] ${sourceName}>${name}#${seq} is a dead letter`);
    }
  }

  /** [I2] [I3] What was sent in a sender's present life, and what of it was consumed. */
  #pair(pair: { sender: string; life: string; name: string; counter: Counter; had: number }): void {
    const { sender, life, name, counter, had } = pair;
    const seen = counter.seen[sender];
    if (seen === undefined && !counter.isWhole) {
      // What it had consumed before it lost its numbers does not come again.
      this.counts.pairsForgotten++;
      return;
    }
    this.counts.pairs++;
    const has = seen?.life === life ? seen.n : 0;
    if (had !== has)
      this.#fail(
        `[I2] ${sender} sent ${had} messages to ${name}, which has consumed ${has} (life ${life}, ${seen?.life})`,
      );
  }

  #written(writer: StormWriter, name: string, counter: Counter): void {
    const had = writer.sent[name] ?? 0;
    if (writer.lives) this.#pair({ sender: writer.name, life: writer.name, name, counter, had });
    else if ((counter.seen[writer.name]?.n ?? 0) > had)
      this.#fail(`[I3] ${name} has consumed more of ${writer.name} than the ${had} that it sent`);
  }

  /** [M10] Each append that waits is answered, unless its own site, or what its receiver knew, was lost. */
  #questions(counters: ReadonlyMap<string, Counter>): void {
    const durable = new Map(this.#plan.streams.map((each) => [each.name, isDurable(each)]));
    for (const { to, from, outcome, error } of this.#load.questions) {
      this.counts.questions++;
      if (!from.lives || !(durable.get(to) || counters.get(to)?.isWhole)) continue;
      this.counts.questionsOwed++;
      if (outcome === "answered") this.counts.questionsAnswered++;
      else
        this.#fail(
          `[M10] an append of ${from.name} to ${to} is ${outcome}, ${error ?? "unanswered"}`,
        );
    }
  }

  #untouched(): void {
    const untouched = this.#world.leader.streams?.table.byName(UNTOUCHED);
    if (untouched === undefined) this.#fail(`[I6] \`${UNTOUCHED}\` is gone`);
    else if (untouched.agents.length > 0) this.#fail(`[I6] \`${UNTOUCHED}\` has an agent`);
  }

  #restless(name: string): void {
    const resident = this.#residentOf(name);
    const record = this.#world.leader.streams?.table.byName(name);
    const found = {
      ...{ at: record?.site, epoch: record?.streamEpoch, status: record?.status, why: record?.why },
      ...{ isHere: resident !== undefined, waiting: resident?.waiting, isEmpty: resident?.isEmpty },
      ...{ isFrozen: resident?.isFrozen, isSettled: resident?.isSettled },
      ...{ hasEvents: resident?.hasEvents, current: resident?.current() },
    };
    this.#fail(`no rest: ${name} ${JSON.stringify(found)}`);
  }

  #residentOf(name: string): Resident | undefined {
    const record = this.#world.leader.streams?.table.byName(name);
    if (record === undefined) return undefined;
    const site = this.#world.sites.find(
      ({ siteInstance }) => siteInstance.instance === record.instance,
    );
    const resident = site?.streams?.resident(record.id);
    return resident?.streamEpoch === record.streamEpoch ? resident : undefined;
  }

  #briefcaseOf<T>(stream: string, agent: string): T | undefined {
    const record = this.#world.leader.streams?.table.byName(stream);
    const site = this.#world.sites.find(
      ({ siteInstance }) => siteInstance.instance === record?.instance,
    );
    const set = record === undefined ? undefined : site?.streams?.agentsOf(record.id);
    const state = set?.agents.find(({ spec }) => spec.name === agent);
    return state === undefined ? undefined : (unpackValue(state.briefcase) as T);
  }

  #fail(what: string): void {
    this.failures.push(what);
  }
}

function isDurable({ durability }: PlannedStream): boolean {
  return durability.type === "message";
}
