import { LIMITS } from "../base/index.ts";
import type { ExecutorDeath, Suspect } from "./executor-death.ts";
import type { MessageKey } from "./message-trouble.ts";

const NONE: readonly ExecutorDeath[] = [];
/** Deaths of one message that are remembered: a person may have it run again and again. */
const DEATHS_MAX = 16;

/**
 * The messages of a stream that ran when an executor ended. Each runs by itself from then on, and none of them more
 * often than `executorDeathsMax` allows (docs/spec/streams.md [M14]).
 */
export class Suspects {
  readonly #all: Suspect[];

  /** @param suspects what travelled with the stream */
  constructor(suspects: readonly Suspect[]) {
    this.#all = [...suspects];
  }

  get all(): readonly Suspect[] {
    return this.#all;
  }

  /** Whether a message has to run by itself. */
  has(key: MessageKey): boolean {
    return this.#all.length > 0 && this.#find(key) !== undefined;
  }

  /** The executors that ended while a message ran. */
  deathsOf(key: MessageKey): readonly ExecutorDeath[] {
    return this.#all.length === 0 ? NONE : (this.#find(key)?.deaths ?? NONE);
  }

  /** Whether a message has ended as many executors as one may. */
  isPoison(key: MessageKey): boolean {
    return this.deathsOf(key).length >= LIMITS.executorDeathsMax;
  }

  /** An executor ended while a message ran. @returns all that ended while it ran */
  died(key: MessageKey, death: ExecutorDeath): readonly ExecutorDeath[] {
    const next = suspectsWith(this.#all, [key], death);
    this.#all.splice(0, this.#all.length, ...next);
    return this.deathsOf(key);
  }

  /** A message is over, in whatever way, and with it those that its sender had sent before. */
  ended({ source, seq }: MessageKey): void {
    if (this.#all.length === 0) return;
    const rest = this.#all.filter((each) => each.source !== source || each.seq > seq);
    this.#all.splice(0, this.#all.length, ...rest);
  }

  #find(key: MessageKey): Suspect | undefined {
    return this.#all.find((each) => isSame(each, key));
  }
}

/**
 * The suspects after another executor has ended while one of the messages `ran`. When that was one alone, it is to
 * blame for this death, and for the ones that it shared with others: they have run, or will, without it.
 */
export function suspectsWith(
  before: readonly Suspect[],
  ran: readonly MessageKey[],
  death: ExecutorDeath,
): Suspect[] {
  const [only] = ran;
  if (only === undefined) return [...before];
  const find = (key: MessageKey): Suspect | undefined => before.find((each) => isSame(each, key));
  const rest = before.filter((each) => !ran.some((key) => isSame(each, key)));
  const all = ran.map(({ source, seq }): Suspect => {
    const { deaths = [], shared = [] } = find({ source, seq }) ?? {};
    return ran.length === 1
      ? { source, seq, deaths: [...deaths, ...shared, death].slice(-DEATHS_MAX), shared: [] }
      : { source, seq, deaths, shared: [...shared, death].slice(-DEATHS_MAX) };
  });
  const settled = ran.length === 1 ? (find(only)?.shared ?? []) : [];
  const others = rest.map((each) => ({
    ...each,
    shared: each.shared.filter((one) => !settled.some((other) => isSameDeath(one, other))),
  }));
  const kept = others.filter(({ deaths, shared }) => deaths.length + shared.length > 0);
  return [...kept, ...all].slice(-LIMITS.streamSuspectsMax);
}

function isSame(one: MessageKey, other: MessageKey): boolean {
  return one.source === other.source && one.seq === other.seq;
}

function isSameDeath(one: ExecutorDeath, other: ExecutorDeath): boolean {
  return one.instance === other.instance && one.at === other.at && one.site === other.site;
}
