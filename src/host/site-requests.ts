import { LIMITS, MeanderError } from "../base/index.ts";
import { type StreamRecord, streamRecordSchema } from "../session/index.ts";
import { decodeState, type SiteInstance } from "../stream/index.ts";
import { packValue, unpackValue } from "../wire/index.ts";
import type { SiteStreams } from "./site-streams.ts";
import { inspect, settleLetter, storyOf } from "./stream-views.ts";

/** What sites ask of each other, and how this one answers. */
export class SiteRequests {
  readonly #site: SiteStreams;

  constructor(site: SiteStreams) {
    this.#site = site;
  }

  /** @throws {MeanderError} why it refuses */
  async answer(
    from: SiteInstance,
    kind: string,
    payload: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    const request = unpackValue(payload);
    if (!Array.isArray(request)) throw malformed(kind);
    switch (kind) {
      case "record": {
        const [id, streamEpoch, state] = request as unknown[];
        if (
          typeof id !== "number" ||
          typeof streamEpoch !== "number" ||
          !(state instanceof Uint8Array)
        )
          throw malformed(kind);
        await this.#site.keeper.put(id, streamEpoch, state);
        return undefined;
      }
      case "install":
        return await this.#install(request);
      case "inspect": {
        const [name] = request as unknown[];
        return packValue(inspect(this.#site, String(name)));
      }
      case "story": {
        const [id] = request as unknown[];
        return packValue(storyOf(this.#site, String(id)));
      }
      case "letter": {
        const [stream, message, action, edited] = request as unknown[];
        settleLetter(
          this.#site,
          String(stream),
          String(message),
          String(action),
          edited instanceof Uint8Array ? edited : undefined,
        );
        return undefined;
      }
      case "watch":
        this.#site.events.watchedBy(from, request[0]);
        return undefined;
      case "events":
        this.#site.events.received(request[0]);
        return undefined;
      default:
        throw new MeanderError("request-unknown", `sites know no request ${JSON.stringify(kind)}`);
    }
  }

  /** [M40] Makes a stream ready that is about to move here. */
  async #install(request: readonly unknown[]): Promise<undefined> {
    const [move, json, by, deadlineMs, packed] = request;
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
    // A request may have been on its way for long: what it is about is over when a later epoch is known, or ready.
    const known = this.#site.table.byId(record.id)?.streamEpoch ?? 0;
    if (Math.max(known, this.#site.arrivals.epochOf(record.id)) > record.streamEpoch) {
      throw new MeanderError("stream-epoch-passed", `epoch ${record.streamEpoch} is over`, {
        where: `stream ${record.name}`,
      });
    }
    const { site } = this.#site.options.self;
    this.#site.enforce({ action: "move", by, stream: record.name, site });
    const agents = await this.#site.openAgents(record, state.consumer);
    this.#site.arrivals.add(record, move, agents, state, Math.min(deadlineMs, LIMITS.moveMsMax));
    return undefined;
  }
}

function malformed(kind: string): MeanderError {
  return new MeanderError("request-invalid", `that is no request ${kind}`, {
    where: "request of another site",
  });
}
