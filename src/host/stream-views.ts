import type { StreamInspection, StreamView } from "../agent/index.ts";
import type { AgentSet } from "../agent/set/index.ts";
import { type AgentRecord, authorOfAgent, type StreamRecord } from "../session/index.ts";
import { formatMessageName, type Resident, type ShellEndpoint } from "../stream/index.ts";
import { notHere } from "./not-here.ts";
import type { Residents } from "./ports.ts";

/** Looks up what there is of streams and shells at this site. */
export interface StreamLookup extends Residents {
  /** The name of this site. */
  readonly site: string;
  /** A stream's record; undefined: unknown here. */
  byName(stream: string): StreamRecord | undefined;
  agentsOf(id: number): AgentSet | undefined;
  /** Whether this site has asked the leader to move it, and has no answer yet. */
  isMoving(stream: string): boolean;
  /** Why its streams are halted as a whole; undefined: they are not. */
  whyHalted(): string | undefined;
  /** The endpoint of a shell that is attached to this site. */
  shellNamed(name: string): Pick<ShellEndpoint, "windowTo"> | undefined;
}

/** Messages that an inspection lists. */
const MAILBOX_SHOWN = 100;

/** A stream's record as shells and agents see it. */
export function viewOf(record: StreamRecord): StreamView {
  const { name, id, site, streamEpoch, status, why, durability, failureManagers, agents } = record;
  return {
    name,
    id,
    site,
    streamEpoch,
    status,
    why,
    durability,
    failureManagers,
    agents: agents.map(({ spec }) => spec.name),
    authors: authorsOf(agents),
  };
}

function authorsOf(agents: readonly AgentRecord[]): Readonly<Record<string, string>> | undefined {
  const signed = agents.flatMap((agent) => {
    const author = authorOfAgent(agent);
    return author === undefined ? [] : [[agent.spec.name, author] as const];
  });
  return signed.length === 0 ? undefined : Object.fromEntries(signed);
}

/** The inner state of a stream at this site. @throws {MeanderError} `stream-gone` */
export function inspect(lookup: StreamLookup, name: string): StreamInspection {
  const record = lookup.byName(name);
  const resident = record === undefined ? undefined : lookup.resident(record.id);
  if (record === undefined || resident === undefined) throw notHere(name);
  const agents = lookup.agentsOf(record.id)?.agents ?? [];
  return {
    ...viewOf(record),
    agents: agents.map(({ spec }) => spec.name),
    mailbox: resident.mailbox(MAILBOX_SHOWN),
    waiting: resident.waiting,
    moving: lookup.isMoving(name),
    halted: resident.halt.isHalted ? (lookup.whyHalted() ?? "its agents do not start") : undefined,
    current: resident.current(),
    senders: [...resident.pairs.values()].map(({ sourceName, consumed }) => ({
      name: sourceName,
      consumed,
    })),
    receivers: [...resident.sendWindows.values()]
      .filter(({ target }) => target > 0)
      .map(({ targetName, next, unacknowledged, width, roundTripMs }) => ({
        name: targetName,
        next,
        unacknowledged,
        window: width,
        roundTripMs,
      })),
    deadLetters: resident.deadLetters.map((letter) => ({
      id: formatMessageName({ from: letter.sourceName, to: name, seq: letter.seq }),
      error: letter.fault.message,
      attempts: letter.attempts,
      deaths: letter.deaths,
      payload: letter.payload,
    })),
    counts: resident.counts,
    briefcases: Object.fromEntries(agents.map(({ spec, briefcase }) => [spec.name, briefcase])),
  };
}

/** A stream at this site, by name. */
export function residentNamed(lookup: StreamLookup, name: string): Resident | undefined {
  const record = lookup.byName(name);
  return record === undefined ? undefined : lookup.resident(record.id);
}
