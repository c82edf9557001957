/**
 * The agents of a stream while it is at a site, as the consumer of its messages. Also runs in browsers; the executors
 * are passed in.
 *
 * @module
 */
export type { AgentIdentity, AgentPace } from "./agent-pace.ts";
export { AgentSet, type AgentSetOptions } from "./agent-set.ts";
export { decodeAgents, encodeAgents } from "./agent-state-codec.ts";
export { type Forgotten, SiteAgents } from "./site-agents.ts";
