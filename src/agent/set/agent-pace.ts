/**
 * How much the agents of one owner may ask of a site, all together: the rates are the owner's, so that neither more
 * agents nor more handlers get more of it.
 */
export interface AgentPace {
  /** Before a request to the session. Waits until there is room. @throws {MeanderError} `rate-limited` */
  request(owner: string, verb: string): Promise<void>;
  /** Timers were set. They expire this much later at least, ms. */
  timers(owner: string, count: number): number;
  /** Messages were sent by a stream to itself, which goes on this much later, ms. */
  selfSends(owner: string, count: number): number;
  /** Whether something may be logged on an owner's behalf. What is not is counted. */
  mayLog(owner: string, characters: number): boolean;
}

/** Whose agent something is about. */
export interface AgentIdentity {
  readonly name: string;
  readonly owner: string;
}
