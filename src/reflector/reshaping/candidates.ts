import type { Learned } from "./learned-relations.ts";
import type { Candidate, Origin, Relation } from "./reshaping-policy.ts";

/** What is known of a channel's surroundings. */
export interface Surroundings {
  readonly self: string;
  /** Sites of the route, best first. */
  readonly route: readonly string[];
  /** The site that the channel is received from. */
  readonly active: string | undefined;
  /** Sites that receive the channel from this one. */
  readonly clients: readonly string[];
  readonly learned: ReadonlyMap<string, Learned>;
  /** Sites at which the channel is ingested, by the directory. */
  readonly ingests: readonly string[];
  /** All sites of the session; only while the channel is lost. */
  readonly session: Iterable<string>;
  readonly now: number;
}

/** How a candidate is related, and how that is known. */
export type Related = Pick<Candidate, "name" | "relation" | "origin">;

/** The sites that a channel may be received from, each once, nearest first. */
export function relatedSites(facts: Surroundings): Related[] {
  const { active, clients, ingests, learned, now, route, self, session } = facts;
  const found = new Map<string, Related>();
  const add = (names: Iterable<string>, relation: Relation, origin: Origin): void => {
    for (const name of names)
      if (name !== self && !found.has(name)) found.set(name, { name, relation, origin });
  };
  const learnedFrom = ({ at, from }: Learned): Origin => ({
    ...{ kind: "learned", from },
    agoMs: now - at,
  });
  const tellers = (names: readonly string[]): Learned[] =>
    names.flatMap((name) => learned.get(name) ?? []);
  add(route, "route", { kind: "configured" });
  const above = tellers(
    active === undefined || route.includes(active) ? route : [...route, active],
  );
  for (const told of above) add(told.sources, "source-of-source", learnedFrom(told));
  for (const told of above) add(told.clients, "sibling", learnedFrom(told));
  for (const told of tellers(clients)) add(told.sources, "source-of-client", learnedFrom(told));
  if (active !== undefined)
    add([active], "sibling", { kind: "directory", isIngest: ingests.includes(active) });
  add(ingests, "session", { kind: "directory", isIngest: true });
  add(session, "session", { kind: "directory", isIngest: false });
  return [...found.values()];
}
