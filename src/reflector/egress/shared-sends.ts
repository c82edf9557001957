import type { Clock } from "../../base/index.ts";
import { SendLog } from "./send-log.ts";

/** What all members of a set of subscribers were sent, counted once. */
export class SharedSends {
  readonly log: SendLog;
  /** Packets of media that a member was sent that has been there from the start, and their bytes. */
  packets = 0;
  bytes = 0;
  /** When they were sent something, ms. */
  sentAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "now">) {
    this.log = new SendLog(clock);
  }
}
