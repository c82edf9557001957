/**
 * The agents of a stream while it is at a site, as the consumer of its messages. Runs in browsers too; the executors are given.
 *
 * @module
 */
export { AgentSet, type AgentSetOptions } from "./agent-set.ts";
export { decodeAgents, encodeAgents } from "./agent-state-codec.ts";
export { type Forgotten, SiteAgents } from "./site-agents.ts";
