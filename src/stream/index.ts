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
  type FailureAction,
  type Fault,
  type LifecycleEvent,
  NO_EFFECTS,
  type Outcome,
  type TimerRequest,
} from "./consumer.ts";
export {
  type Durability,
  type EndpointId,
  formatMessageName,
  isStream,
  type MessageName,
  type Place,
  parseMessageName,
  SHELL_ID_MIN,
  siteEndpoint,
} from "./model.ts";
export type { FrameNetwork, RecordStore } from "./network.ts";
