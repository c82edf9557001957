import type { Clock } from "../../base/index.ts";
import { SendLog } from "./send-log.ts";

/** What each member of a group was sent, counted once for all of them. */
export class SharedSends {
  readonly log: SendLog;
  /** Packets of media that each was sent, had it been there from the start, and their bytes. */
  packets = 0;
  bytes = 0;
  /** When they were sent something, ms. */
  sentAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "now">) {
    this.log = new SendLog(clock);
  }
}
