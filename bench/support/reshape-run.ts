import { keepProcessorsBusy } from "./busy-processors.ts";
import { median } from "./median.ts";
import { Wire } from "./private-wire.ts";
import { Experiment, type ExperimentSettings, type Outcome } from "./reshape-experiment.ts";
import type { EventName, Group } from "./reshape-groups.ts";
import { effectOf, quantile } from "./reshape-windows.ts";

/** What an event did, over all rounds and receivers. */
export interface EventFigure {
  readonly rounds: number;
  /** Packets that subscribers did not get, or got twice. */
  readonly lost: number;
  readonly repeated: number;
  /** Of the rounds: the longest time between two arrivals around the event. */
  readonly gapP50Ms: number;
  readonly gapP99Ms: number;
  /** The latest packet of each round, later than the middle one: pauses of the sender are not in it. */
  readonly lateP50Ms: number;
  readonly lateP99Ms: number;
  /** The middle time between two arrivals, less that without an event; null where that was not measured. */
  readonly interArrivalShiftMs: number | null;
  /** From the event until packets came by the other path, the middle of the rounds; null: they never did. */
  readonly settledP50Ms: number | null;
  /** Rounds in which they did not. */
  readonly unsettled: number;
  /** Subscribers that were cut off. */
  readonly closed: number;
}

/** An event that could not be made here. */
export interface Skipped {
  readonly skipped: string;
}

export type GroupFigures = Partial<Record<EventName, EventFigure | Skipped>>;

/** How much is measured. */
export interface ReshapeSettings {
  readonly rounds: number;
  readonly windowMs: number;
  readonly alternatives: boolean;
  readonly events: readonly EventName[];
  /** Called with the name of each step. */
  progress(text: string): void;
  /** Called with each outcome, for plots. @param part the policy */
  onOutcome?(part: "standard" | "naive", outcome: Outcome): void;
}

/** Measures the events of a group. @throws {Error} where this machine cannot */
export async function measureGroup(group: Group, settings: ReshapeSettings): Promise<GroupFigures> {
  const busy = group.isBusy === true ? keepProcessorsBusy() : undefined;
  try {
    return await measure(group, settings);
  } finally {
    await busy?.stop();
  }
}

async function measure(group: Group, settings: ReshapeSettings): Promise<GroupFigures> {
  const { alternatives, onOutcome, progress, rounds, windowMs } = settings;
  const { load, subscribers, topology } = group;
  const events = group.events.filter((each) => settings.events.includes(each));
  const has = (...names: readonly EventName[]): boolean =>
    names.some((each) => events.includes(each));
  const common: ExperimentSettings = {
    ...{ alternatives, load, subscribers, topology, windowMs, policy: "standard" },
    isLeaderStopped: group.isLeaderStopped === true,
  };
  const outcomes: Outcome[] = [];
  const skipped: GroupFigures = {};
  const run = async (
    more: Partial<ExperimentSettings>,
    act: (experiment: Experiment) => Promise<void>,
  ): Promise<Outcome> => {
    const experiment = await Experiment.open({ ...common, ...more });
    try {
      await act(experiment);
    } catch (error) {
      await experiment.close();
      throw error;
    }
    const outcome = await experiment.finish();
    outcomes.push(outcome);
    return outcome;
  };
  if (has("none", "leave", "return")) {
    const outcome = await run({}, async (experiment) => {
      for (let round = 1; round <= rounds; round++) {
        progress(`none, leave, return: round ${round} of ${rounds}`);
        if (has("none")) await experiment.none();
        if (!has("leave", "return")) continue;
        await experiment.leave();
        await experiment.return(has("return") ? "return" : undefined);
      }
    });
    onOutcome?.("standard", outcome);
  }
  // A site that was lost is not trusted for a while, longer each time: each round has sites of its own.
  for (let round = 1; has("crash") && round <= rounds; round++) {
    progress(`crash: round ${round} of ${rounds}`);
    await run({}, (experiment) => experiment.crash());
  }
  for (let round = 1; has("cut") && skipped.cut === undefined && round <= rounds; round++) {
    progress(`cut: round ${round} of ${rounds}`);
    const wire = await Wire.open().catch((error: Error) => error);
    if (wire instanceof Error) {
      skipped.cut = { skipped: `no network namespace can be made: ${wire.message.trim()}` };
      continue;
    }
    try {
      await run({ wire }, (experiment) => experiment.cut());
    } finally {
      await wire.close();
    }
  }
  if (has("naiveLeave", "naiveReturn")) {
    const outcome = await run({ policy: "naive" }, async (experiment) => {
      for (let round = 1; round <= rounds; round++) {
        progress(`a policy that stops at once: round ${round} of ${rounds}`);
        await experiment.leave("naiveLeave");
        await experiment.return("naiveReturn");
      }
    });
    onOutcome?.("naive", outcome);
  }
  return { ...figuresOf(outcomes, events), ...skipped };
}

/** An event and what it did to all that received. */
interface Round {
  readonly lost: number;
  readonly repeated: number;
  readonly gapMs: number;
  readonly interArrivalMs: number;
  readonly lateMs: number;
  readonly settledMs: number | undefined;
  readonly closed: number;
}

function figuresOf(outcomes: readonly Outcome[], events: readonly EventName[]): GroupFigures {
  const rounds = new Map<string, Round[]>();
  for (const { arrivals, events: made } of outcomes) {
    for (const { crowd, event, settledMs, ...window } of made) {
      const effects = arrivals.map((each) => effectOf(each, window));
      const sum = (pick: (effect: (typeof effects)[number]) => number): number =>
        effects.reduce((total, effect) => total + pick(effect), 0);
      const round: Round = {
        lost: crowd.lost + sum(({ lost }) => lost),
        repeated: crowd.repeated + sum(({ repeated }) => repeated),
        gapMs: Math.max(...effects.map(({ gapMs }) => gapMs)),
        interArrivalMs: median(effects.map(({ interArrivalMs }) => interArrivalMs)),
        lateMs: Math.max(...effects.map(({ lateMs }) => lateMs)),
        ...{ settledMs, closed: crowd.closed },
      };
      rounds.set(event, [...(rounds.get(event) ?? []), round]);
    }
  }
  const usual = rounds.get("none")?.map(({ interArrivalMs }) => interArrivalMs);
  return Object.fromEntries(
    events.flatMap((event) => {
      const all = rounds.get(event);
      return all === undefined ? [] : [[event, figureOf(all, usual && median(usual))]];
    }),
  );
}

function figureOf(rounds: readonly Round[], usualMs: number | undefined): EventFigure {
  const sum = (pick: (round: Round) => number): number =>
    rounds.reduce((total, round) => total + pick(round), 0);
  const gaps = rounds.map(({ gapMs }) => gapMs);
  const lates = rounds.map(({ lateMs }) => lateMs);
  const settled = rounds.flatMap(({ settledMs }) => (settledMs === undefined ? [] : [settledMs]));
  const middle = median(rounds.map(({ interArrivalMs }) => interArrivalMs));
  return {
    rounds: rounds.length,
    lost: sum(({ lost }) => lost),
    repeated: sum(({ repeated }) => repeated),
    gapP50Ms: round1(median(gaps)),
    gapP99Ms: round1(quantile(gaps, 0.99)),
    lateP50Ms: round1(median(lates)),
    lateP99Ms: round1(quantile(lates, 0.99)),
    interArrivalShiftMs: usualMs === undefined ? null : Number((middle - usualMs).toFixed(3)),
    settledP50Ms: settled.length === 0 ? null : round1(median(settled)),
    unsettled: rounds.length - settled.length,
    closed: sum(({ closed }) => closed),
  };
}

function round1(ms: number): number {
  return Number(ms.toFixed(1));
}
