import type { EndpointId } from "./model.ts";

/** The sender of a window. */
export interface WindowOwner {
  readonly id: EndpointId;
  readonly name: string;
  /** Of a shell that has shown a token: its principal, as text. */
  readonly principal?: string | undefined;
  readonly streamEpoch: number;
  /** False while its site does not hold its lease, and while it moves. */
  readonly maySend: boolean;
  /** The window has room again, or is empty. */
  windowMoved(window: { readonly isFull: boolean }): void;
}
