/**
 * Agents: confined code attached to streams. What they are, what they see, and what runs them.
 *
 * @module
 */

export { agentSpecSchema, makeSpec, type SpecParts } from "./define/index.ts";
export { describeInline } from "./describe/describe-inline.ts";
export { DescribingWorker, type DescribingWorkerOptions } from "./describe/describing-worker.ts";
export type { DefinitionDescription, DescribeDefinition } from "./describe/description.ts";
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
export { WorkerExecutor, type WorkerExecutorOptions } from "./executors/worker-executor.ts";
export * from "./model.ts";
export type {
  AppendAnswer,
  AppendRequest,
  AttachRequest,
  ChannelPort,
  EventFilter,
  MessageStory,
  PlacementRequest,
  SessionPort,
  ShellPort,
  StreamEvent,
  StreamInspection,
  StreamPort,
  StreamView,
} from "./session-port.ts";
export * from "./set/index.ts";
