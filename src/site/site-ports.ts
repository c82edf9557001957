import {
  type Clock,
  type Log,
  type Random,
  SILENT,
  SystemClock,
  SystemRandom,
} from "../base/index.ts";
import { gatedLog, LogGate } from "./observe/log-gate.ts";
import type { PlaneThread } from "./plane/plane-thread.ts";
import type { DemoControl } from "./site-service.ts";

/** What a site stands on; all of it has defaults. */
export interface SitePorts {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
  /** `worker` (default): media in a thread of its own. `local`: everything in this one. */
  readonly plane?: "worker" | "local";
  /** The thread for it, if it was started before. */
  readonly planeThread?: PlaneThread | undefined;
  /** Folder of the console and the player. */
  readonly webRoot?: string;
  /** Makes this a demo's site. */
  readonly demo?: DemoControl;
  /** Shown to the site to join, when it asks for a token. */
  readonly token?: string | undefined;
  /** What `log` goes through already, so that its level can change; absent: every line passes until it does. */
  readonly logGate?: LogGate;
  /** Whether the site is started again when it ended in order to restart (no). */
  readonly canRestart?: boolean;
}

/** {@link SitePorts} with their defaults. */
export type CompletePorts = SitePorts &
  Required<Pick<SitePorts, "clock" | "random" | "log" | "logGate">>;

/** Fills in the defaults. A log without a gate gets one. */
export function completePorts(ports: SitePorts): CompletePorts {
  const { clock = new SystemClock(), random = new SystemRandom(), log: written = SILENT } = ports;
  const logGate = ports.logGate ?? new LogGate("debug");
  const log = ports.logGate === undefined ? gatedLog(written, logGate) : written;
  return { ...ports, clock, random, log, logGate };
}
