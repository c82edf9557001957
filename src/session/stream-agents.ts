import type { HandlerName, PolicyFacts } from "../agent/define/index.ts";
import { LIMITS, MeanderError } from "../base/index.ts";
import type { Json } from "../directory/index.ts";
import { type Asker, commandAsker } from "./asker.ts";
import { authorise, type ControlContext, type ControlQuestion, hostOf } from "./control-context.ts";
import type { PendingFinalizers } from "./pending-finalizers.ts";
import { isSilence } from "./site-contact.ts";
import type { AgentRecord, SiteCommand, StreamAction, StreamRecord } from "./stream-records.ts";
import type { AttachAgent, DetachAgent, ReplaceHandler } from "./stream-requests.ts";
import type { HeldRecord } from "./stream-store.ts";

/** Changes the agents of streams: first at the site, then in the record. Calls for one stream must not overlap. */
export class StreamAgents {
  readonly #context: ControlContext;
  readonly #finalizers: PendingFinalizers;

  constructor(context: ControlContext, finalizers: PendingFinalizers) {
    this.#context = context;
    this.#finalizers = finalizers;
  }

  /**
   * Attaching the same agent again succeeds: the requester may have missed the answer.
   *
   * @throws {MeanderError} `stream-unknown`, `stream-lost`, `denied`, `agent-exists`, `agents-exhausted`,
   *   `briefcase-too-large`, `site-gone`, `site-timeout`, and the site's refusal
   */
  async attach({ stream, spec, briefcase, signed, by }: AttachAgent): Promise<StreamRecord> {
    const { store, contact, tell, authors } = this.#context;
    const { name, code, limits } = spec;
    const scope = `streams/${stream}`;
    const author = await authors.authorOf(signed, { kind: "agent", code, scope });
    const facts: PolicyFacts = { agent: name, hash: code, limits };
    const factsOf = ({ agents }: StreamRecord) => ({ ...facts, agents: agents.length });
    const brought = { author, briefcaseBytes: bytesOf(briefcase) };
    const held = await this.#open(stream, "attach", by, factsOf, brought);
    await this.#checkCodeOwner(by, spec.owner);
    const asked = commandAsker(by, "attach", author);
    const { record } = held;
    const agent: AgentRecord =
      author === undefined ? { spec, briefcase } : { spec, briefcase, author };
    const same = record.agents.find((each) => each.spec.name === spec.name);
    if (same !== undefined && JSON.stringify(same) === JSON.stringify(agent)) return record;
    if (same !== undefined) throw agentExists(stream, same);
    const next: StreamRecord = { ...record, agents: [...record.agents, agent] };
    checkRoom(next);
    const host = hostOf(held);
    try {
      const command = { type: "agent-attach", record, spec, briefcase, ...asked } as const;
      await contact.call(host, command, LIMITS.attachCallMs);
    } catch (error) {
      // It may have been attached all the same.
      if (isSilence(error)) {
        contact.tell(host, { type: "agent-detach", record, agent: spec.name, ...asked });
      }
      throw error;
    }
    await store.replace(held, next);
    tell(stream, { type: "agent-attached", agent: spec.name });
    return next;
  }

  /**
   * @throws {MeanderError} `stream-unknown`, `stream-lost`, `denied`, `agent-unknown`, `site-gone`, `site-timeout`, and
   *   the site's refusal
   */
  async detach({ stream, agent: name, by }: DetachAgent): Promise<StreamRecord> {
    const { store, tell } = this.#context;
    const held = await this.#open(stream, "detach", by, () => ({ agent: name }));
    const { record } = held;
    const { spec } = agentOf(record, name);
    const asked = commandAsker(by, "detach");
    await this.#command(held, { type: "agent-detach", record, agent: name, ...asked });
    const agents = record.agents.filter((each) => each.spec.name !== name);
    const next: StreamRecord = { ...record, agents };
    const others = record.visited.filter((site) => site !== record.site);
    await this.#finalizers.add(others, { id: record.id, stream, agents: [spec] });
    await store.replace(held, next);
    this.#finalizers.deliver(others);
    tell(stream, { type: "agent-detached", agent: name });
    return next;
  }

  /**
   * @throws {MeanderError} `stream-unknown`, `stream-lost`, `denied`, `agent-unknown`, `site-gone`, `site-timeout`, and
   *   the site's refusal
   */
  async replaceHandler(request: ReplaceHandler): Promise<StreamRecord> {
    const { stream, agent: name, event, code, signed, by } = request;
    const { store, tell, authors } = this.#context;
    const about = { kind: "handler", code: code ?? "", scope: `streams/${stream}` } as const;
    const author = await authors.authorOf(code === null ? undefined : signed, about);
    const factsOf = (record: StreamRecord) => factsOfReplacement(record, request);
    const held = await this.#open(stream, "replace", by, factsOf, { author });
    const { record } = held;
    const former = agentOf(record, name);
    const { spec } = former;
    const asked = commandAsker(by, "replace", author);
    await this.#command(held, {
      type: "handler-replace",
      record,
      agent: name,
      event,
      code,
      ...asked,
    });
    const replaced = { ...spec, replaced: { ...spec.replaced, [event]: code } };
    const agents = record.agents.map((each) =>
      each.spec.name === name ? { ...withHandler(former, event, author), spec: replaced } : each,
    );
    const next: StreamRecord = { ...record, agents };
    await store.replace(held, next);
    tell(stream, { type: "handler-replaced", agent: name, event });
    return next;
  }

  async #open(
    stream: string,
    action: StreamAction,
    by: Asker,
    factsOf: (record: StreamRecord) => PolicyFacts,
    brought: Pick<ControlQuestion, "author" | "briefcaseBytes"> = {},
  ): Promise<HeldRecord> {
    const held = await this.#context.store.get(stream);
    const { record } = held;
    const { site } = record;
    const facts = factsOf(record);
    await authorise(this.#context, { action, by, stream, site, record, facts, ...brought });
    hostOf(held);
    return held;
  }

  /**
   * Agents of one owner share a process. A shell's are its principal's; what agents attach belongs to the owner of
   * one of them.
   *
   * @throws {MeanderError} `request-invalid`
   */
  async #checkCodeOwner({ principal, codeOwner }: Asker, owner: string): Promise<void> {
    if (owner === codeOwner && principal.kind !== "stream") return;
    if (principal.kind === "stream") {
      const asking = await this.#context.store.find(principal.name);
      if (asking?.record.agents.some(({ spec }) => spec.owner === owner)) return;
    }
    throw new MeanderError("request-invalid", `got the owner ${JSON.stringify(owner)}`, {
      where: "request attach-agent: spec.owner",
      expected: principal.kind === "stream" ? "the owner of an agent that asks" : codeOwner,
    });
  }

  #command(held: HeldRecord, command: SiteCommand): Promise<Json> {
    return this.#context.contact.call(hostOf(held), command, LIMITS.controlCallMs);
  }
}

/** @param author who signed the handler */
function withHandler(
  agent: AgentRecord,
  event: HandlerName,
  author: string | undefined,
): AgentRecord {
  const { [event]: _former, ...others } = agent.handlers ?? {};
  return { ...agent, handlers: author === undefined ? others : { ...others, [event]: author } };
}

/** What a handler's replacement brings, and what it takes the place of: the handler, else the agent's own. */
function factsOfReplacement(
  { agents }: StreamRecord,
  { agent, event, code }: Pick<ReplaceHandler, "agent" | "event" | "code">,
): PolicyFacts {
  const spec = agents.find((each) => each.spec.name === agent)?.spec;
  const before = spec?.replaced[event];
  const replaces = before === undefined ? spec?.code : (before ?? undefined);
  return { agent, handler: event, hash: code ?? undefined, replaces, limits: spec?.limits };
}

/** Bytes that base64 stands for. */
function bytesOf(base64: string): number {
  return Math.floor((base64.replace(/=+$/, "").length * 3) / 4);
}

function agentOf({ name: stream, agents }: StreamRecord, name: string): AgentRecord {
  const agent = agents.find(({ spec }) => spec.name === name);
  if (agent !== undefined) return agent;
  const names = agents.map(({ spec }) => spec.name);
  throw new MeanderError("agent-unknown", `the stream has no agent ${name}`, {
    where: `stream ${stream}`,
    expected: names.length === 0 ? "that it has agents" : `one of ${names.join(", ")}`,
  });
}

/** @throws {MeanderError} `agents-exhausted`, `briefcase-too-large` */
function checkRoom(record: StreamRecord): void {
  const where = `stream ${record.name}`;
  if (record.agents.length > LIMITS.streamAgentsMax) {
    throw new MeanderError("agents-exhausted", `it has ${LIMITS.streamAgentsMax} agents`, {
      where,
      expected: `at most ${LIMITS.streamAgentsMax}`,
    });
  }
  const characters = JSON.stringify(record).length;
  // Names may take more bytes than characters, and the sites it visits take room later.
  const most = LIMITS.directoryValueBytesMax * 0.75;
  if (characters <= most) return;
  throw new MeanderError("briefcase-too-large", `its record would have ${characters} characters`, {
    where,
    expected: `at most ${most} for all agents of the stream with the briefcases that they start with`,
    next: "start with a small briefcase, and fill it by messages",
  });
}

function agentExists(stream: string, { spec: { name, owner } }: AgentRecord): MeanderError {
  return new MeanderError("agent-exists", `the stream has an agent ${name}, of ${owner}`, {
    where: `stream ${stream}`,
    next: "detach that one, or give this one another name",
  });
}
