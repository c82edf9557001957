import { LIMITS } from "../../base/index.ts";
import type { DeadLetter, ExecutorDeath, Resident } from "../../stream/index.ts";
import { unpackValue } from "../../wire/index.ts";
import type { World } from "../world/world.ts";
import type { Counter, Guard, Witness } from "./storm-agents.ts";
import type { StormDeaths } from "./storm-deaths.ts";
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
  /** Messages that ended what ran them: those sent, and those that are dead letters in the end. */
  poisons: number;
  poisonLetters: number;
  /** Messages that ran inline at two sites which were replaced, one after the other: they had to be taken for poison. */
  unlucky: number;
}

/** What a counter missed, and what was set aside instead. */
interface Missing {
  readonly from: string;
  readonly life: string;
  readonly n: number;
}

/** Looks at what is left when a storm is over, and says what should not be so. */
export class StormVerdict {
  readonly failures: string[] = [];
  readonly counts: VerdictCounts = {
    ...{ pairs: 0, pairsForgotten: 0, questions: 0, questionsOwed: 0, questionsAnswered: 0 },
    ...{ asked: 0, answered: 0, timers: 0, witnessed: 0, forgetful: 0, deadLetters: 0 },
    ...{ poisons: 0, poisonLetters: 0, unlucky: 0 },
  };
  readonly #world: World;
  readonly #plan: StormPlan;
  readonly #load: StormLoad;
  readonly #deaths: StormDeaths;
  /** Takeovers, by stream. */
  readonly #takeovers = new Map<string, number>();
  /** What was set aside of what the counters number, by stream. */
  readonly #setAside = new Map<string, Missing[]>();

  constructor(world: World, plan: StormPlan, load: StormLoad, deaths: StormDeaths) {
    this.#world = world;
    this.#plan = plan;
    this.#load = load;
    this.#deaths = deaths;
  }

  /** A stream was taken over. */
  recovered(stream: string): void {
    this.#takeovers.set(stream, (this.#takeovers.get(stream) ?? 0) + 1);
  }

  /** Whether nothing is on its way any more. */
  get isQuiet(): boolean {
    const { sites } = this.#world;
    if (sites.some(({ streams, isLeaving }) => streams === undefined || isLeaving)) return false;
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
    for (const [name, counter] of counters) this.#counted(name, counter);
    this.#poisons(counters);
    for (const [name, counter] of counters) {
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
    for (const letter of this.#residentOf(name)?.deadLetters ?? []) this.#letter(name, letter);
    for (const { from, life, n } of counter.missed) {
      const isAside = this.#asideOf(name, from, life).includes(n);
      if (!isAside) this.#fail(`[I2] ${name} has missed n=${n} of ${from} (life ${life})`);
    }
  }

  #letter(name: string, letter: DeadLetter): void {
    const { source, sourceName, seq, payload, deaths, fault } = letter;
    const value = source === 0 ? undefined : (unpackValue(payload) as StormMessage);
    if (value?.poison !== undefined) {
      this.counts.poisonLetters++;
      if (deaths.length < LIMITS.executorDeathsMax)
        this.#fail(`[M14] the poison ${value.poison} is a dead letter after ${deaths.length} ends`);
      return;
    }
    this.counts.deadLetters++;
    if (source === 0 && sourceName.endsWith(":departure")) return;
    const id = `${sourceName}>${name}#${seq}`;
    // It ran inline when its site was replaced, and once more: that is all that anybody can know of a poison.
    const isUnlucky = deaths.length >= LIMITS.executorDeathsMax && deaths.some(isOfSite);
    if (!isUnlucky) {
      this.#fail(`[M8] ${id} is a dead letter: ${fault.message} (${JSON.stringify(deaths)})`);
      return;
    }
    this.counts.unlucky++;
    if (value?.life === undefined) return;
    const n = value.numbers?.[name] ?? value.n;
    if (n === undefined) return;
    const aside = this.#setAside.get(name) ?? [];
    aside.push({ from: sourceName, life: value.life, n });
    this.#setAside.set(name, aside);
  }

  #asideOf(name: string, from: string, life: string): number[] {
    const aside = this.#setAside.get(name) ?? [];
    return aside.filter((each) => each.from === from && each.life === life).map(({ n }) => n);
  }

  /** [M14] Each poison is one dead letter, and has ended no more than a message may. */
  #poisons(counters: ReadonlyMap<string, Counter>): void {
    const durable = new Map(this.#plan.streams.map((each) => [each.name, isDurable(each)]));
    for (const { number, to, from } of this.#load.poisons) {
      this.counts.poisons++;
      const letters = (this.#residentOf(to)?.deadLetters ?? []).filter(
        ({ source, payload }) =>
          source !== 0 && (unpackValue(payload) as StormMessage).poison === number,
      ).length;
      const keepsAll = durable.get(to) === true;
      const isOwed = from.lives && (keepsAll || counters.get(to)?.isWhole === true);
      if (letters > 1 || (isOwed && letters === 0))
        this.#fail(`[M14] the poison ${number} is ${letters} dead letters of ${to}`);
      const { processes = 0, sites = 0 } = this.#deaths.ended.get(number) ?? {};
      // A site that dies before the end of a process is in the record forgets it, once.
      const forgotten = Math.max(0, (this.#takeovers.get(to) ?? 0) - sites);
      if (keepsAll && processes + sites > LIMITS.executorDeathsMax + forgotten)
        this.#fail(
          `[M14] the poison ${number} of ${to} has ended ${processes} processes and ${sites} sites`,
        );
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
    // The last of them may have been set aside.
    const has = Math.max(seen?.life === life ? seen.n : 0, ...this.#asideOf(name, sender, life));
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

/** What the counters of a storm get. */
interface StormMessage {
  readonly poison?: number;
  readonly life?: string;
  readonly n?: number;
  readonly numbers?: Readonly<Record<string, number>>;
}

function isOfSite({ reason }: ExecutorDeath): boolean {
  return reason.includes("ran inline");
}

function isDurable({ durability }: PlannedStream): boolean {
  return durability.type === "message";
}
