import type { Clock } from "../base/index.ts";
import type { Frame } from "./frames.ts";
import type { KernelEvent } from "./kernel-event.ts";
import type { Locations } from "./locations.ts";
import type { SiteInstance } from "./model.ts";

/** A part of the kernel that has to act when the present turn ends. */
export interface Chore {
  /** Sends what is due. Called once for each turn in which it was requested. */
  endTurn(): void;
}

/** What the parts of a kernel share. */
export interface KernelContext {
  readonly self: SiteInstance;
  readonly clock: Clock;
  readonly locations: Locations;
  /** Most bytes of one segment. */
  readonly segmentBytes: number;
  /** Largest frame, bytes. */
  readonly frameBytes: number;
  /** Whether this site's lease holds: without it its streams neither run nor send. */
  leaseHolds(): boolean;
  send(to: SiteInstance, frame: Frame): void;
  /** Calls `chore.endTurn` before the kernel returns to its caller. */
  atTurnEnd(chore: Chore): void;
  /** Runs `task` as a turn of its own. */
  turn<T>(task: () => T): T;
  count(reason: string, times?: number): void;
  emit(event: KernelEvent): void;
}
