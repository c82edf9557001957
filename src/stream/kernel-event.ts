import type { Fault } from "./consumer.ts";
import type { EndpointId } from "./model.ts";

/** An event of a kernel; `stream` is the name of the stream concerned. */
export type KernelEvent =
  | {
      readonly type: "consumed";
      readonly stream: string;
      readonly message: string;
      /** Duration of its handlers. */
      readonly ms: number;
      readonly id: EndpointId;
      readonly from: EndpointId;
      /** Numbers of its first and its last segment. */
      readonly first: number;
      readonly seq: number;
      /** It was a dead letter: later messages were consumed before it. */
      readonly replayed: boolean;
    }
  | {
      readonly type: "failed";
      readonly stream: string;
      readonly message: string;
      readonly attempt: number;
      readonly fault: Fault;
      readonly then: string;
    }
  | {
      readonly type: "dead-lettered" | "discarded";
      readonly stream: string;
      readonly message: string;
      readonly reason: string;
    }
  /** A handler asked to move its stream. */
  | { readonly type: "relocate"; readonly stream: string; readonly to: string }
  /** Another site has a higher stream epoch: the state at this site is void. */
  | { readonly type: "superseded"; readonly stream: string; readonly id: EndpointId };
