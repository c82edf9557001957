/**
 * Agents: confined code attached to streams. What they are, what they see, and what runs them.
 *
 * @module
 */

export { openAgentProcesses, openGroupedAgentProcesses } from "./agent-processes.ts";
export { agentSpecSchema, makeSpec, type SpecParts } from "./define/index.ts";
export type { DefinitionDescription } from "./describe/description.ts";
export { inlineReader } from "./describe/inline-reader.ts";
export { ProcessReader, type ProcessReaderOptions } from "./describe/process-reader.ts";
export type { ReadAgent, UploadReader } from "./describe/upload-reader.ts";
export type {
  AgentHost,
  AgentInstance,
  AgentProgram,
  Executor,
  HostCall,
  Invocation,
  InvocationDone,
  InvocationResult,
} from "./executor.ts";
export {
  InlineExecutor,
  type InlineExecutorOptions,
  type MakeInlineExecutor,
} from "./executors/inline-executor.ts";
export {
  type ExecutorMaxima,
  type ExecutorUse,
  ProcessExecutor,
  type ProcessExecutorOptions,
} from "./executors/process-executor.ts";
export { PolicyAgent, type PolicyPlace, type PolicyProgram } from "./judge/index.ts";
export * from "./model.ts";
export { findControlGroups, GROUP_FILES, type ProcessPool } from "./processes/index.ts";
export type {
  AppendAnswer,
  AppendRequest,
  AttachRequest,
  ChannelPort,
  EventFilter,
  MessageStory,
  PlacementRequest,
  PolicyChange,
  PolicyTrial,
  PolicyUpload,
  PolicyView,
  ReplaceAbout,
  SessionPort,
  ShellPort,
  StreamEvent,
  StreamInspection,
  StreamPort,
  StreamView,
} from "./session-port.ts";
export * from "./set/index.ts";
