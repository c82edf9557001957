import { LIMITS, MeanderError } from "../base/index.ts";
import { type StreamRecord, streamRecordSchema } from "../session/index.ts";
import { decodeState, type Keeper, type SiteInstance } from "../stream/index.ts";
import { packValue, unpackValue } from "../wire/index.ts";
import type { Arrivals } from "./arrivals.ts";
import type { EventFeed } from "./event-feed.ts";
import type { HostedStreams } from "./hosted-streams.ts";
import { storyOf } from "./message-story.ts";
import type { Permits } from "./permits.ts";
import type { PolicyGuard } from "./policy-guard.ts";
import type { SiteAdmission } from "./ports.ts";
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
  readonly permits: Pick<Permits, "use">;
  readonly admission: SiteAdmission;
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
        return await this.#install(from, request);
      case "inspect": {
        const [name, permit] = request as unknown[];
        this.#admit(from, "inspect", String(name), permit);
        return packValue(inspect(lookup, String(name)));
      }
      case "story": {
        const [id] = request as unknown[];
        return packValue(storyOf(lookup, String(id)));
      }
      case "letter": {
        const [stream, message, action, edited, permit] = request as unknown[];
        this.#admit(from, "dead-letter", String(stream), permit);
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

  /**
   * [A34] A shell of this site was judged here, and where no token is required nobody is; another site shows a permit.
   *
   * @throws {MeanderError} `principal-refused`
   */
  #admit({ site }: SiteInstance, action: string, stream: string, permit: unknown): void {
    const { lookup, admission, permits } = this.#ports;
    if (site === lookup.site || admission.isOpen) return;
    permits.use({ permit: String(permit), site, stream, action });
  }

  /** [M40] Prepares a stream that is about to move here. */
  async #install(from: SiteInstance, request: readonly unknown[]): Promise<undefined> {
    const [move, json, by, deadlineMs, packed, isSuspect, chosen] = request;
    if (
      typeof move !== "string" ||
      typeof json !== "string" ||
      typeof by !== "string" ||
      typeof deadlineMs !== "number" ||
      !(packed instanceof Uint8Array)
    )
      throw malformed("install");
    const record = readRecord(json);
    const state = decodeState(packed);
    if (record === undefined || state === undefined) throw malformed("install");
    const { lookup, table, streams, arrivals, policy, halt } = this.#ports;
    halt.check();
    // The request may be old: it is void when a later epoch is known or ready.
    const known = table.byId(record.id)?.streamEpoch ?? 0;
    if (Math.max(known, arrivals.epochOf(record.id)) > record.streamEpoch) {
      throw new MeanderError("stream-epoch-passed", `epoch ${record.streamEpoch} is over`, {
        where: `stream ${record.name}`,
      });
    }
    const here = table.byId(record.id);
    if (here?.streamEpoch === record.streamEpoch && here.site !== from.site) {
      throw new MeanderError("principal-refused", `the stream is at site ${here.site}`, {
        where: `move of stream ${record.name} from site ${from.site}`,
      });
    }
    // The leader has judged the move, which counts only when it says so: the source is believed about who asks.
    const label = typeof chosen === "string" ? chosen : undefined;
    policy.enforce({ action: "move", by, label, stream: record.name, site: lookup.site });
    const isApart = isSuspect === true || state.suspects.length > 0;
    const agents = await streams.openAgents(record, state.consumer, isApart);
    arrivals.add(record, move, agents, state, Math.min(deadlineMs, LIMITS.moveMsMax));
    return undefined;
  }
}

/** The record of a stream, as another site sent it; undefined: it is none. */
function readRecord(text: string): StreamRecord | undefined {
  try {
    return streamRecordSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function malformed(kind: string): MeanderError {
  return new MeanderError("request-invalid", `malformed request ${JSON.stringify(kind)}`, {
    where: "request of another site",
  });
}
