import type { Clock } from "../base/index.ts";
import type { KernelEvent } from "./kernel-event.ts";
import type { EndpointId, SiteInstance } from "./model.ts";

/** What the parts of a resident stream use of it and of its kernel. */
export interface StreamContext {
  readonly id: EndpointId;
  readonly name: string;
  /** Where it is. */
  readonly site: SiteInstance;
  readonly clock: Clock;
  /** Runs `task` as one turn of the kernel. */
  turn<T>(task: () => T): T;
  /** Lets the stream go on when the present turn ends. */
  wake(): void;
  /** The stream's state has changed: its record has to be written. */
  changed(): void;
  /** Resolves when all changes so far are in the record; at once without one. */
  settled(): Promise<void>;
  /** Counts for the stream and for the kernel. */
  count(reason: string, times?: number): void;
  emit(event: KernelEvent): void;
}
