/**
 * Agents: confined code attached to streams. What they are, what they see, and what runs them.
 *
 * @module
 */
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
