import type { AgentState, HandlerName } from "../agent/index.ts";
import { type AgentSet, encodeAgents } from "../agent/set/index.ts";
import { assert, type Log, MeanderError, messageOf, unreachable } from "../base/index.ts";
import type { Directory, Json } from "../directory/index.ts";
import {
  type CommandAsker,
  type SiteCommand,
  type StreamAction,
  type StreamRecord,
  streamRecordSchema,
} from "../session/index.ts";
import {
  decodeState,
  freshState,
  type Keeper,
  NO_EFFECTS,
  type Resident,
  type StreamKernel,
  type StreamState,
  withoutNumbers,
} from "../stream/index.ts";
import { decodeBase64, encodeBase64, namedRoomsSchema } from "../wire/index.ts";
import type { Arrivals } from "./arrivals.ts";
import type { Departures } from "./departures.ts";
import type { HostedStreams } from "./hosted-streams.ts";
import type { InlineMarks } from "./inline-marks.ts";
import { notHere } from "./not-here.ts";
import type { Permits } from "./permits.ts";
import type { PolicyGuard } from "./policy-guard.ts";
import type { MoveSettlement, PingHandler, ReportEvent } from "./ports.ts";
import { type SiteHalt, streamsHalted } from "./site-halt.ts";

/** What {@link StreamCommands} use. */
export interface StreamCommandsPorts {
  /** The name of this site. */
  readonly site: string;
  readonly log: Log;
  readonly directory: Pick<Directory, "get">;
  readonly kernel: Pick<StreamKernel, "tellAll">;
  readonly keeper: Pick<Keeper, "fetch" | "forget">;
  readonly streams: HostedStreams;
  readonly marks: Pick<InlineMarks, "withFormer" | "isAfterDeath">;
  readonly halt: Pick<SiteHalt, "why" | "check">;
  readonly arrivals: Pick<Arrivals, "abort" | "expected">;
  readonly departures: Pick<Departures, "begin" | "abort">;
  readonly moves: Pick<MoveSettlement, "learn">;
  readonly policy: Pick<PolicyGuard, "enforce">;
  readonly permits: Pick<Permits, "add">;
  /** Whether a shell of this site has a name. */
  isShell(name: string): boolean;
  readonly report: ReportEvent;
  readonly onPing: PingHandler;
}

/** Executes the leader's commands on streams. Each is idempotent, because the leader repeats what was not answered. */
export class StreamCommands {
  readonly #ports: StreamCommandsPorts;

  constructor(ports: StreamCommandsPorts) {
    this.#ports = ports;
  }

  /** @throws {MeanderError} why it refuses */
  readonly answer = async (payload: Json): Promise<Json> => {
    // Payloads on the leader's own connection were made by the leader.
    const command = payload as unknown as SiteCommand;
    switch (command.type) {
      case "ping":
        return this.#ping(command);
      case "stream-create":
        return await this.#create(command);
      case "move-out": {
        const { record, to, move, deadlineMs, by, label } = command;
        // Policies judge a move by its target.
        this.#enforce("move", command, { site: to.site });
        const asked = { move, deadlineMs, by, label };
        return { bytes: await this.#ports.departures.begin(record, to, asked) };
      }
      case "permit":
        this.#ports.permits.add(command);
        return null;
      case "move-abort":
        this.#ports.departures.abort(command.id, command.move);
        this.#ports.arrivals.abort(command.id, command.move);
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
        const state = await this.#ports.keeper.fetch(command.id, command.streamEpoch);
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

  #ping({ rooms }: Extract<SiteCommand, { type: "ping" }>): Json {
    const room = this.#ports.onPing(namedRoomsSchema.safeParse(rooms).data ?? []);
    return room === undefined ? null : { ...room };
  }

  async #create(command: Extract<SiteCommand, { type: "stream-create" }>): Promise<null> {
    const { record } = command;
    this.#enforce("create", command);
    if (this.#ports.isShell(record.name)) throw nameTaken(record.name);
    this.#ports.halt.check();
    if (this.#ports.streams.resident(record.id)?.streamEpoch === record.streamEpoch) return null;
    const agents = await this.#ports.streams.openAgents(record, []);
    await this.#ports.streams.install(record, agents, freshState(agents.snapshot()), undefined);
    this.#ports.report({ type: "created", stream: record.name });
    return null;
  }

  async #attach(command: Extract<SiteCommand, { type: "agent-attach" }>): Promise<null> {
    const { record, spec, briefcase } = command;
    this.#enforce("attach", command, { hash: spec.code });
    const resident = this.#resident(record);
    const known = this.#agents(record).agents.find((each) => each.spec.name === spec.name);
    // The leader repeats a command whose answer it did not get.
    if (known !== undefined && JSON.stringify(known.spec) === JSON.stringify(spec)) return null;
    await resident.change(() => this.#agents(record).attach(spec, decodeBytes(briefcase)));
    this.#ports.report({ type: "agent-attached", stream: record.name, agent: spec.name });
    return null;
  }

  async #detach(command: Extract<SiteCommand, { type: "agent-detach" }>): Promise<null> {
    const { record, agent } = command;
    this.#enforce("detach", command);
    const resident = this.#resident(record);
    if (!this.#agents(record).agents.some(({ spec }) => spec.name === agent)) return null;
    await resident.change(() => this.#agents(record).detach(agent));
    this.#ports.report({ type: "agent-detached", stream: record.name, agent });
    return null;
  }

  async #replace(command: Extract<SiteCommand, { type: "handler-replace" }>): Promise<null> {
    const { record, agent, event, code } = command;
    this.#enforce("replace", command, code === null ? {} : { hash: code });
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
    this.#ports.report({ type: "handler-replaced", stream: record.name, agent, event });
    return null;
  }

  async #destroy(command: Extract<SiteCommand, { type: "stream-destroy" }>): Promise<null> {
    const { record } = command;
    this.#enforce("destroy", command);
    const resident = this.#ports.streams.resident(record.id);
    if (resident === undefined) return null;
    // Of agents that were not started, nothing is to be ended.
    const isHeld = this.#ports.streams.isHeld(record.id);
    await resident.end(async () => (isHeld ? NO_EFFECTS : this.#agents(record).destroy()));
    this.#ports.streams.drop(record.id);
    if (record.keeper === this.#ports.site) await this.#ports.keeper.forget(record.id);
    this.#ports.report({ type: "destroyed", stream: record.name });
    return null;
  }

  async #recover({
    record,
    lostSite,
    state,
  }: Extract<SiteCommand, { type: "recover" }>): Promise<null> {
    const { site, streams, marks, halt } = this.#ports;
    if (streams.resident(record.id)?.streamEpoch === record.streamEpoch) return null;
    // Its own streams are halted here; those of others are not brought into danger.
    if (lostSite !== site) halt.check();
    this.#ports.moves.learn(record);
    let kept = state === null ? undefined : decodeState(decodeBytes(state));
    if (kept === undefined && record.durability.type !== "none" && record.keeper === site) {
      const bytes = await this.#ports.keeper.fetch(record.id, record.streamEpoch);
      kept = bytes === undefined ? undefined : decodeState(bytes);
    }
    if (kept !== undefined && record.durability.type !== "message") kept = withoutNumbers(kept);
    // The command may have waited while this site was suspended: another site may have the stream by now.
    const entry = await this.#ports.directory.get(`streams/${record.name}`);
    const now = streamRecordSchema.safeParse(entry?.value).data;
    if (now?.id !== record.id || now.streamEpoch !== record.streamEpoch) throw notHere(record.name);
    const found = kept ?? freshState(encodeAgents(agentsOf(record)), true);
    const begun: StreamState = marks.withFormer(record.id, found);
    const first = { type: "failure", lostSite } as const;
    // Whatever it ran when its site ended, that may have been why.
    const isApart = lostSite !== site || marks.isAfterDeath || begun.suspects.length > 0;
    const open = () => streams.openAgents(record, begun.consumer, isApart);
    const started =
      halt.why === undefined
        ? streams.install(record, await open(), begun, first)
        : streams.hold(record, begun, first, isApart);
    // The stream is here from now on; its failure handlers are not waited for.
    started.catch((error: unknown) =>
      this.#ports.log.warn("A stream left before it had started.", {
        stream: record.name,
        error: messageOf(error),
      }),
    );
    this.#ports.report({
      type: "recovered",
      stream: record.name,
      lostSite,
      to: site,
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
      const { skipped } = await this.#ports.streams.siteAgents.forget(id, name);
      if (skipped.length > 0)
        this.#ports.log.info(
          "A finalize handler was skipped: the agent's state at this site no longer exists.",
          {
            stream,
            agent: name,
          },
        );
    }
    return null;
  }

  #residents(ids: readonly number[] | undefined): Json {
    const here = [...this.#ports.streams.all].map(([id, { streamEpoch }]) => ({
      id,
      streamEpoch,
    }));
    const expected = this.#ports.arrivals.expected.filter(
      ({ id }) => this.#ports.streams.resident(id) === undefined,
    );
    return [...here, ...expected].filter(({ id }) => ids === undefined || ids.includes(id));
  }

  #siteEvent({ event, site }: Extract<SiteCommand, { type: "site-event" }>): null {
    const type = ({ joined: "siteJoined", left: "siteLeft", failed: "siteFailed" } as const)[event];
    void this.#ports.kernel.tellAll({ type, site });
    return null;
  }

  #enforce(
    action: StreamAction,
    { record, by, label, author }: CommandAsker & { readonly record: StreamRecord },
    { site = this.#ports.site, hash }: { readonly site?: string; readonly hash?: string } = {},
  ): void {
    this.#ports.policy.enforce({ action, by, label, author, stream: record.name, site, hash });
  }

  /** @throws {MeanderError} `stream-gone` */
  #resident(record: StreamRecord): Resident {
    const resident = this.#ports.streams.resident(record.id);
    if (resident === undefined || resident.streamEpoch !== record.streamEpoch)
      throw notHere(record.name);
    return resident;
  }

  #agents(record: StreamRecord): AgentSet {
    const { site, streams, halt } = this.#ports;
    if (streams.isHeld(record.id))
      throw streamsHalted(site, halt.why ?? "its agents did not start when they were resumed");
    const agents = streams.agentsOf(record.id);
    assert(agents !== undefined, "a resident stream has its agents at this site");
    return agents;
  }
}

function nameTaken(stream: string): MeanderError {
  return new MeanderError("name-taken", "a shell that is attached to the site has that name", {
    where: `stream ${stream}`,
    next: "choose another name, another site, or wait until the shell has left",
  });
}

function agentsOf(record: StreamRecord): AgentState[] {
  return record.agents.map(({ spec, briefcase }) => ({ spec, briefcase: decodeBytes(briefcase) }));
}

function decodeBytes(text: string): Uint8Array {
  const bytes = decodeBase64(text);
  if (bytes !== undefined) return bytes;
  throw new MeanderError("request-invalid", "not valid base64", {
    where: "command of the leader",
  });
}
