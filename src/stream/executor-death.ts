import type { Fault } from "./consumer.ts";
import type { EndpointId } from "./model.ts";
import type { StreamContext } from "./stream-context.ts";

/** What is known of an executor that ended while it ran a message or an event of a stream. */
export interface ExecutorDeath {
  /** Wall clock of its site, ms since 1970. */
  readonly at: number;
  readonly site: string;
  /** Which run of the site. */
  readonly instance: number;
  /** In words: what ended it, by which signal, with how much memory, as far as that is known. */
  readonly reason: string;
}

/** A message that ran, or may have run, when an executor ended; it is not over. */
export interface Suspect {
  readonly source: EndpointId;
  readonly seq: number;
  /** Those that ended while it ran. */
  readonly deaths: readonly ExecutorDeath[];
  /** Those that ended while one of several messages ran, of which this is one. */
  readonly shared: readonly ExecutorDeath[];
}

/** The death that a fault tells of, now and here. */
export function deathOf({ message }: Fault, { clock, site }: StreamContext): ExecutorDeath {
  return { at: Math.round(clock.wall()), ...site, reason: message };
}

/** Why a message or an event was set aside, for people. */
export function reasonWith(deaths: readonly ExecutorDeath[], { message }: Fault): string {
  if (deaths.length === 0) return message;
  const times = deaths.length === 1 ? "once" : `${deaths.length} times`;
  return `it ended what ran it ${times}: ${message}`;
}

/** Deaths in words, for people: `2026-11-30T10:00:00.000Z at north: it used up its memory`. */
export function deathWords({ at, site, reason }: ExecutorDeath): string {
  return `${new Date(at).toISOString()} at ${site}: ${reason}`;
}
