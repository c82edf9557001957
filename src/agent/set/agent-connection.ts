import type { Clock, Random } from "../../base/index.ts";
import type { Fault } from "../../stream/index.ts";
import type { AgentHost } from "../executor.ts";
import type { AgentIdentity } from "./agent-pace.ts";

/** What an agent that was started at a site belongs to: its stream while that is here, else the site alone. */
export interface Residence {
  call(agent: AgentIdentity, verb: string, argument: Uint8Array): Promise<Uint8Array>;
  /** One line of output. */
  output(agent: AgentIdentity, line: string): void;
  /** It cannot run any more, although it was not closed. */
  ended(agent: string, fault: Fault): void;
}

/**
 * An instance's connection to the outside, for its whole life; its target changes when the stream leaves and returns.
 */
export class AgentConnection implements AgentHost {
  residence: Residence;
  readonly #agent: AgentIdentity;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(agent: AgentIdentity, residence: Residence, clock: Clock, random: Random) {
    this.#agent = agent;
    this.residence = residence;
    this.#clock = clock;
    this.#random = random;
  }

  readonly call = (verb: string, argument: Uint8Array): Promise<Uint8Array> =>
    this.residence.call(this.#agent, verb, argument);

  log(line: string): void {
    this.residence.output(this.#agent, line);
  }

  now(): number {
    return this.#clock.wall();
  }

  random(): number {
    return this.#random.float();
  }
}
