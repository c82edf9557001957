/**
 * Mobile streams: the delivery contract as state machines without I/O. docs/spec/streams.md has the rules.
 *
 * @module
 */
export {
  type Append,
  type Consumer,
  type Delivery,
  type Effects,
  type EventCall,
  type EventFailure,
  type FailureAction,
  type Fault,
  type LifecycleEvent,
  NO_EFFECTS,
  type Outcome,
  type TimerRequest,
  type Tries,
} from "./consumer.ts";
export { decodeFrames } from "./decode-frames.ts";
export type { ShellEndpoint } from "./endpoint.ts";
export { deathWords, type ExecutorDeath, type Suspect } from "./executor-death.ts";
export { type Frame, type FrameHead, frameHead } from "./frames.ts";
export { Keeper } from "./keeper.ts";
export { type KernelOptions, StreamKernel } from "./kernel.ts";
export type { KernelEvent } from "./kernel-event.ts";
export type { Location } from "./locations.ts";
export { MemoryRecordStore } from "./memory-record-store.ts";
export {
  type Durability,
  type EndpointId,
  EVENT_SOURCE,
  formatMessageName,
  isStream,
  type MessageName,
  parseMessageName,
  SHELL_ID_MIN,
  type SiteInstance,
  siteEndpoint,
} from "./model.ts";
export type { FrameNetwork, RecordStore } from "./network.ts";
export type { ReplyWaiter } from "./reply-waiters.ts";
export type { Resident } from "./resident.ts";
export { type Denial, type Denies, type ResidentOptions, UNDECIDED } from "./resident-options.ts";
export {
  decodeMark,
  encodeMark,
  type MarkStore,
  type RunMark,
  type RunMarks,
  stateWithMark,
} from "./run-mark.ts";
export type { Sender } from "./sender.ts";
export type { SiteHandler } from "./site-endpoint.ts";
export {
  type DeadLetter,
  decodeState,
  encodeState,
  freshState,
  type StreamState,
  withoutNumbers,
} from "./stream-state.ts";
