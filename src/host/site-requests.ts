import { LIMITS, MeanderError } from "../base/index.ts";
import { type StreamRecord, streamRecordSchema } from "../session/index.ts";
import { decodeState, type Keeper, type SiteInstance } from "../stream/index.ts";
import { packValue, unpackValue } from "../wire/index.ts";
import type { Arrivals } from "./arrivals.ts";
import type { EventFeed } from "./event-feed.ts";
import type { HostedStreams } from "./hosted-streams.ts";
import { storyOf } from "./message-story.ts";
import type { PolicyGuard } from "./policy-guard.ts";
import { settleDeadLetter } from "./settle-dead-letter.ts";
import type { SiteHalt } from "./site-halt.ts";
import type { StreamTable } from "./stream-table.ts";
import { inspect, type StreamLookup } from "./stream-views.ts";

/** What {@link SiteRequests} use. */
export interface SiteRequestsPorts {
  readonly lookup: StreamLookup;
  readonly keeper: Pick<Keeper, "put" | "mark">;
  readonly table: Pick<StreamTable, "byId">;
  readonly streams: Pick<HostedStreams, "openAgents">;
  readonly arrivals: Pick<Arrivals, "add" | "epochOf">;
  readonly events: Pick<EventFeed, "watchedBy" | "received">;
  readonly policy: Pick<PolicyGuard, "enforce">;
  readonly halt: Pick<SiteHalt, "check">;
}

/** Answers the requests of other sites. */
export class SiteRequests {
  readonly #ports: SiteRequestsPorts;

  constructor(ports: SiteRequestsPorts) {
    this.#ports = ports;
  }

  /** @throws {MeanderError} why it refuses */
  async answer(
    from: SiteInstance,
    kind: string,
    payload: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    const request = unpackValue(payload);
    if (!Array.isArray(request)) throw malformed(kind);
    const { lookup, keeper, events } = this.#ports;
    switch (kind) {
      case "record":
      case "mark": {
        const [id, streamEpoch, bytes] = request as unknown[];
        if (
          typeof id !== "number" ||
          typeof streamEpoch !== "number" ||
          !(bytes instanceof Uint8Array)
        )
          throw malformed(kind);
        await (kind === "record" ? keeper.put : keeper.mark).call(keeper, id, streamEpoch, bytes);
        return undefined;
      }
      case "install":
        return await this.#install(request);
      case "inspect": {
        const [name] = request as unknown[];
        return packValue(inspect(lookup, String(name)));
      }
      case "story": {
        const [id] = request as unknown[];
        return packValue(storyOf(lookup, String(id)));
      }
      case "letter": {
        const [stream, message, action, edited] = request as unknown[];
        settleDeadLetter(
          lookup,
          String(stream),
          String(message),
          String(action),
          edited instanceof Uint8Array ? edited : undefined,
        );
        return undefined;
      }
      case "watch":
        events.watchedBy(from, request[0]);
        return undefined;
      case "events":
        events.received(request[0]);
        return undefined;
      default:
        throw new MeanderError("request-unknown", `unknown request ${JSON.stringify(kind)}`, {
          where: "request of another site",
          next: "upgrade this site: the other one runs a later version",
        });
    }
  }

  /** [M40] Prepares a stream that is about to move here. */
  async #install(request: readonly unknown[]): Promise<undefined> {
    const [move, json, by, deadlineMs, packed, isSuspect] = request;
    if (
      typeof move !== "string" ||
      typeof json !== "string" ||
      typeof by !== "string" ||
      typeof deadlineMs !== "number" ||
      !(packed instanceof Uint8Array)
    )
      throw malformed("install");
    const record: StreamRecord = streamRecordSchema.parse(JSON.parse(json));
    const state = decodeState(packed);
    if (state === undefined) throw malformed("install");
    const { lookup, table, streams, arrivals, policy, halt } = this.#ports;
    halt.check();
    // The request may be old: it is void when a later epoch is known or ready.
    const known = table.byId(record.id)?.streamEpoch ?? 0;
    if (Math.max(known, arrivals.epochOf(record.id)) > record.streamEpoch) {
      throw new MeanderError("stream-epoch-passed", `epoch ${record.streamEpoch} is over`, {
        where: `stream ${record.name}`,
      });
    }
    policy.enforce({ action: "move", by, stream: record.name, site: lookup.site });
    const isApart = isSuspect === true || state.suspects.length > 0;
    const agents = await streams.openAgents(record, state.consumer, isApart);
    arrivals.add(record, move, agents, state, Math.min(deadlineMs, LIMITS.moveMsMax));
    return undefined;
  }
}

function malformed(kind: string): MeanderError {
  return new MeanderError("request-invalid", `malformed request ${JSON.stringify(kind)}`, {
    where: "request of another site",
  });
}
