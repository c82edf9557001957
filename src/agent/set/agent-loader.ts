import {
  AssertionFailed,
  type Clock,
  MeanderError,
  messageOf,
  type Random,
} from "../../base/index.ts";
import type { PreparedCode } from "../../code/index.ts";
import { type Effects, type EndpointId, NO_EFFECTS } from "../../stream/index.ts";
import type { Executor } from "../executor.ts";
import type { AgentSpec, AgentState, HandlerName, Isolation } from "../model.ts";
import { AgentConnection, type Residence } from "./agent-connection.ts";
import { AttachedAgent } from "./attached-agent.ts";
import { RunningAgent } from "./running-agent.ts";
import type { SiteAgents } from "./site-agents.ts";
import { effectsOf } from "./transaction.ts";

/** Where agents get what they run on. */
export interface AgentLoaderOptions {
  readonly stream: { readonly name: string; readonly id: EndpointId };
  /** The name of this site. */
  readonly site: string;
  readonly executors: { readonly inline?: Executor; readonly process?: Executor };
  /**
   * The site's policy: the isolation that the agent gets, which may differ from what it asks for. @throws
   * {MeanderError} `isolation-refused`
   */
  isolationOf(spec: AgentSpec): Isolation;
  /** The code with this hash, of the site's cache or the directory. */
  code(sha256: string): Promise<PreparedCode>;
  readonly siteAgents: SiteAgents;
  readonly clock: Clock;
  readonly random: Random;
}

/** An agent that can run, and what its init handler led to. */
export interface LoadedAgent {
  readonly agent: AttachedAgent;
  readonly initEffects: Effects;
}

/** Starts the agents of one stream at one site. */
export class AgentLoader {
  readonly #options: AgentLoaderOptions;
  readonly #residence: Residence;

  constructor(options: AgentLoaderOptions, residence: Residence) {
    this.#options = options;
    this.#residence = residence;
  }

  /**
   * Starts an agent: with its instance of an earlier visit, or with a new one. Runs the init handler where it has not
   * run at this site. Nothing remains of an agent that fails.
   *
   * @throws {MeanderError} `isolation-refused`, `code-…`, `executor-failed`, `agent-init-failed`; names the agent
   */
  async load(state: AgentState): Promise<LoadedAgent> {
    const { siteAgents, stream } = this.#options;
    const { name } = state.spec;
    const remembered = siteAgents.arrive(this, stream.id, state.spec);
    let running: RunningAgent | undefined;
    try {
      if (remembered.running !== undefined) {
        // What it may run in now is the site's policy of this visit.
        const isInline = this.#options.isolationOf(state.spec) === "inline";
        if (remembered.running.isInline === isInline)
          running = await this.#welcome(remembered.running, state);
        else remembered.running.close();
      }
      running ??= await this.start(state);
      const agent = new AttachedAgent(state, running, (committed) => this.start(committed));
      if (remembered.isInitialised || !agent.handles("init")) {
        return { agent, initEffects: NO_EFFECTS };
      }
      return { agent, initEffects: await this.#init(agent, running) };
    } catch (thrown) {
      running?.close();
      siteAgents.lose(this, stream.id, name);
      throw this.#named(thrown, name);
    }
  }

  /** Starts a new instance; runs no handler. @throws {MeanderError} as {@link load} */
  async start({ spec, briefcase }: AgentState): Promise<RunningAgent> {
    const { stream, site, clock, random } = this.#options;
    try {
      const isolation = this.#options.isolationOf(spec);
      const kind = isolation === "inline" ? "inline" : "process";
      const executor = this.#options.executors[kind];
      if (executor === undefined) {
        throw new MeanderError(
          "isolation-refused",
          kind === "inline"
            ? "this site runs no agents inline"
            : "this site runs no agents in processes",
        );
      }
      const replaced: Partial<Record<HandlerName, string | null>> = {};
      for (const [event, code] of Object.entries(spec.replaced) as [HandlerName, string | null][])
        replaced[event] = await this.expression(code);
      const connection = new AgentConnection(spec, this.#residence, clock, random);
      const { code, name, owner, limits } = spec;
      const program = {
        stream: stream.name,
        streamId: stream.id,
        agent: name,
        owner,
        code: (await this.#options.code(code)).expression,
        replaced,
        briefcase,
        site,
        isolation,
        ...limits,
      };
      const instance = await executor.start(program, connection);
      return new RunningAgent(spec, instance, connection, kind === "inline");
    } catch (thrown) {
      throw this.#named(thrown, spec.name);
    }
  }

  /** The stream is here for good, and so are what the init handlers did and that they ran. */
  settle(agent: AttachedAgent): void {
    this.#options.siteAgents.settle(this, this.#options.stream.id, agent.name);
  }

  /** Gives an idle agent to the site's memory: its stream leaves, or never came. */
  leave(agent: AttachedAgent): void {
    this.#options.siteAgents.leave(this, this.#options.stream.id, agent.release());
  }

  /** Closes an agent that runs a handler: its stream leaves. */
  lose(agent: AttachedAgent): void {
    agent.release().close();
    this.#options.siteAgents.lose(this, this.#options.stream.id, agent.name);
  }

  /** Closes an agent, and nothing remains of it. */
  remove(agent: AttachedAgent): void {
    agent.release().close();
    this.#options.siteAgents.remove(this, this.#options.stream.id, agent.name);
  }

  /** What evaluates to a handler. */
  async expression(code: string | null): Promise<string | null> {
    return code === null ? null : (await this.#options.code(code)).expression;
  }

  /** Undefined when it cannot be made what it should be. */
  async #welcome(running: RunningAgent, { spec, briefcase }: AgentState) {
    const before = running.spec.replaced;
    running.connection.residence = this.#residence;
    try {
      for (const event of Object.keys({ ...before, ...spec.replaced }) as HandlerName[]) {
        const code = spec.replaced[event];
        if (code === before[event]) continue;
        // A replaced handler stays replaced; else the agent is another one of the same name.
        if (code === undefined) {
          running.close();
          return undefined;
        }
        await running.setHandler(event, code, await this.expression(code));
      }
      running.instance.restore(briefcase);
      return running;
    } catch (thrown) {
      running.close();
      if (thrown instanceof MeanderError) return undefined;
      throw thrown;
    }
  }

  async #init(agent: AttachedAgent, running: RunningAgent): Promise<Effects> {
    const result = await running.run("init");
    if (result.type === "done") {
      if (result.briefcase !== undefined) agent.commit(result.briefcase);
      agent.isExiting = result.exits;
      return { ...effectsOf(result), reply: undefined };
    }
    const what = result.type === "failed" ? result.fault.message : "it was interrupted";
    throw new MeanderError("agent-init-failed", what, {
      where: `${this.#options.stream.name}/${agent.name}, init handler`,
    });
  }

  /** The error with the agent's name in it. */
  #named(thrown: unknown, agent: string): MeanderError {
    if (thrown instanceof AssertionFailed) throw thrown;
    const where = `${this.#options.stream.name}/${agent}`;
    if (!(thrown instanceof MeanderError)) {
      return new MeanderError("executor-failed", messageOf(thrown), { where, cause: thrown });
    }
    if (thrown.where?.startsWith(where)) return thrown;
    const { code, what, expected, next } = thrown;
    return new MeanderError(code, what, {
      where: thrown.where === undefined ? where : `${where}: ${thrown.where}`,
      ...(expected === undefined ? {} : { expected }),
      ...(next === undefined ? {} : { next }),
      cause: thrown,
    });
  }
}
