import type { Fault } from "./consumer.ts";
import type { EndpointId } from "./model.ts";

/** What a kernel tells of; `stream` is the name of the stream that it happened to. */
export type KernelEvent =
  | {
      readonly type: "consumed";
      readonly stream: string;
      readonly message: string;
      /** From the begin of the handlers to their end. */
      readonly ms: number;
      readonly id: EndpointId;
      readonly from: EndpointId;
      /** Numbers of its first and its last segment. */
      readonly first: number;
      readonly seq: number;
      /** It was a dead letter, and comes behind later ones. */
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
  /** A higher stream epoch is elsewhere: what is here is void. */
  | { readonly type: "superseded"; readonly stream: string; readonly id: EndpointId };
