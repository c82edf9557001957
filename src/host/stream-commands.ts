import type { AgentState, HandlerName } from "../agent/index.ts";
import { assert, MeanderError, messageOf, unreachable } from "../base/index.ts";
import type { Json } from "../directory/index.ts";
import { type SiteCommand, type StreamRecord, streamRecordSchema } from "../session/index.ts";
import {
  decodeState,
  freshState,
  type Resident,
  type StreamState,
  withoutNumbers,
} from "../stream/index.ts";
import { decodeBase64, encodeBase64 } from "../wire/index.ts";
import { notHere } from "./departures.ts";
import type { SiteStreams } from "./site-streams.ts";

/** What the leader has a site do with streams. Every command may come twice. */
export class StreamCommands {
  readonly #site: SiteStreams;

  constructor(site: SiteStreams) {
    this.#site = site;
  }

  /** @throws {MeanderError} why it refuses */
  readonly answer = async (payload: Json): Promise<Json> => {
    // What comes over the leader's own connection was made by the leader.
    const command = payload as unknown as SiteCommand;
    switch (command.type) {
      case "ping":
        return null;
      case "stream-create":
        return await this.#create(command);
      case "move-out": {
        const { record, to, move, deadlineMs, by } = command;
        // It is judged by where the stream would be.
        this.#site.enforce({ action: "move", by, stream: record.name, site: to.site });
        return { bytes: await this.#site.departures.begin(record, to, { move, deadlineMs, by }) };
      }
      case "move-abort":
        this.#site.departures.abort(command.id, command.move);
        this.#site.arrivals.abort(command.id, command.move);
        return null;
      case "agent-attach":
        return await this.#attach(command);
      case "agent-detach":
        return await this.#detach(command);
      case "handler-replace":
        return await this.#replace(command);
      case "stream-destroy":
        return await this.#destroy(command);
      case "recover":
        return await this.#recover(command);
      case "record-fetch": {
        const state = await this.#site.keeper.fetch(command.id, command.streamEpoch);
        return state === undefined ? null : encodeBase64(state);
      }
      case "finalize":
        return await this.#finalize(command);
      case "residents":
        return this.#residents(command.ids);
      case "site-event":
        return this.#siteEvent(command);
      default:
        return unreachable(command);
    }
  };

  async #create({ record, by }: Extract<SiteCommand, { type: "stream-create" }>): Promise<null> {
    this.#enforce("create", by, record);
    if (this.#site.resident(record.id)?.streamEpoch === record.streamEpoch) return null;
    const agents = await this.#site.openAgents(record, []);
    await this.#site.install(record, agents, freshState(agents.snapshot()), undefined);
    this.#site.tell({ type: "created", stream: record.name });
    return null;
  }

  async #attach({
    record,
    spec,
    briefcase,
    by,
  }: Extract<SiteCommand, { type: "agent-attach" }>): Promise<null> {
    this.#enforce("attach", by, record);
    const resident = this.#resident(record);
    const known = this.#agents(record).agents.find((each) => each.spec.name === spec.name);
    // The leader asks again when it did not hear the answer.
    if (known !== undefined && JSON.stringify(known.spec) === JSON.stringify(spec)) return null;
    await resident.change(() => this.#agents(record).attach(spec, decodeBytes(briefcase)));
    this.#site.tell({ type: "agent-attached", stream: record.name, agent: spec.name });
    return null;
  }

  async #detach({
    record,
    agent,
    by,
  }: Extract<SiteCommand, { type: "agent-detach" }>): Promise<null> {
    this.#enforce("detach", by, record);
    const resident = this.#resident(record);
    if (!this.#agents(record).agents.some(({ spec }) => spec.name === agent)) return null;
    await resident.change(() => this.#agents(record).detach(agent));
    this.#site.tell({ type: "agent-detached", stream: record.name, agent });
    return null;
  }

  async #replace({
    record,
    agent,
    event,
    code,
    by,
  }: Extract<SiteCommand, { type: "handler-replace" }>): Promise<null> {
    this.#enforce("replace", by, record);
    await this.#resident(record).change(async () => {
      await this.#agents(record).replaceHandler(agent, event as HandlerName, code);
      return {
        appends: [],
        timers: [],
        relocate: undefined,
        reply: undefined,
        changed: true,
        handled: true,
      };
    });
    this.#site.tell({ type: "handler-replaced", stream: record.name, agent, event });
    return null;
  }

  async #destroy({ record, by }: Extract<SiteCommand, { type: "stream-destroy" }>): Promise<null> {
    this.#enforce("destroy", by, record);
    const resident = this.#site.resident(record.id);
    if (resident === undefined) return null;
    const agents = this.#agents(record);
    await resident.end(() => agents.destroy());
    this.#site.drop(record.id);
    if (record.keeper === this.#site.options.self.site) await this.#site.keeper.forget(record.id);
    this.#site.tell({ type: "destroyed", stream: record.name });
    return null;
  }

  async #recover({
    record,
    lostSite,
    state,
  }: Extract<SiteCommand, { type: "recover" }>): Promise<null> {
    const { self } = this.#site.options;
    if (this.#site.resident(record.id)?.streamEpoch === record.streamEpoch) return null;
    this.#site.learn(record);
    let kept = state === null ? undefined : decodeState(decodeBytes(state));
    if (kept === undefined && record.durability.type !== "none" && record.keeper === self.site) {
      const bytes = await this.#site.keeper.fetch(record.id, record.streamEpoch);
      kept = bytes === undefined ? undefined : decodeState(bytes);
    }
    if (kept !== undefined && record.durability.type !== "message") kept = withoutNumbers(kept);
    // The command may have waited while this site stood still, and another one have the stream by now.
    const entry = await this.#site.options.directory.get(`streams/${record.name}`);
    const now = streamRecordSchema.safeParse(entry?.value).data;
    if (now?.id !== record.id || now.streamEpoch !== record.streamEpoch) throw notHere(record.name);
    const agents = await this.#site.openAgents(record, kept?.consumer ?? agentsOf(record));
    const first = { type: "failure", lostSite } as const;
    const begun: StreamState = kept ?? freshState(agents.snapshot(), true);
    // The failure handlers may take their time; the stream is here from now on.
    this.#site.install(record, agents, begun, first).catch((error: unknown) =>
      this.#site.options.log.warn("A stream left again before it had begun.", {
        stream: record.name,
        error: messageOf(error),
      }),
    );
    this.#site.tell({
      type: "recovered",
      stream: record.name,
      lostSite,
      to: self.site,
      streamEpoch: record.streamEpoch,
    });
    return null;
  }

  async #finalize({
    id,
    stream,
    agents,
  }: Extract<SiteCommand, { type: "finalize" }>): Promise<null> {
    for (const { name } of agents) {
      const { skipped } = await this.#site.agents.forget(id, name);
      if (skipped.length > 0)
        this.#site.options.log.info("A finalize handler was skipped: what it had here is gone.", {
          stream,
          agent: name,
        });
    }
    return null;
  }

  #residents(ids: readonly number[] | undefined): Json {
    const here = [...this.#site.kernel.residents].map(([id, { streamEpoch }]) => ({
      id,
      streamEpoch,
    }));
    const expected = this.#site.arrivals.expected.filter(
      ({ id }) => this.#site.resident(id) === undefined,
    );
    return [...here, ...expected].filter(({ id }) => ids === undefined || ids.includes(id));
  }

  #siteEvent({ event, site }: Extract<SiteCommand, { type: "site-event" }>): null {
    const type = ({ joined: "siteJoined", left: "siteLeft", failed: "siteFailed" } as const)[event];
    void this.#site.kernel.tellAll({ type, site });
    return null;
  }

  #enforce(
    action: Parameters<SiteStreams["enforce"]>[0]["action"],
    by: string,
    record: StreamRecord,
  ): void {
    this.#site.enforce({ action, by, stream: record.name, site: this.#site.options.self.site });
  }

  /** @throws {MeanderError} `stream-gone` */
  #resident(record: StreamRecord): Resident {
    const resident = this.#site.resident(record.id);
    if (resident === undefined || resident.streamEpoch !== record.streamEpoch)
      throw notHere(record.name);
    return resident;
  }

  #agents(record: StreamRecord): NonNullable<ReturnType<SiteStreams["agentsOf"]>> {
    const agents = this.#site.agentsOf(record.id);
    assert(agents !== undefined, "a stream that is here has its agents here");
    return agents;
  }
}

function agentsOf(record: StreamRecord): AgentState[] {
  return record.agents.map(({ spec, briefcase }) => ({ spec, briefcase: decodeBytes(briefcase) }));
}

function decodeBytes(text: string): Uint8Array {
  const bytes = decodeBase64(text);
  if (bytes !== undefined) return bytes;
  throw new MeanderError("request-invalid", "that is no base64", {
    where: "command of the leader",
  });
}
