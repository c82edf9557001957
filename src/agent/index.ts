/**
 * Agents: confined code attached to streams. What they are, what they see, and what runs them.
 *
 * @module
 */
export { AgentSet, type AgentSetOptions } from "./agent-set.ts";
export { decodeAgents, encodeAgents } from "./agent-state-codec.ts";
export type {
  AgentHost,
  AgentInstance,
  AgentProgram,
  Executor,
  HostCall,
  Invocation,
  InvocationResult,
  PreparedCode,
} from "./executor.ts";
export * from "./model.ts";
export type {
  AppendAnswer,
  AppendRequest,
  AttachRequest,
  EventFilter,
  MessageStory,
  PlacementRequest,
  SessionPort,
  ShellPort,
  StreamEvent,
  StreamInspection,
  StreamView,
} from "./session-port.ts";
export { type Forgotten, SiteAgents } from "./site-agents.ts";
