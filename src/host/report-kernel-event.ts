import type { KernelEvent } from "../stream/index.ts";
import type { EventFeed } from "./event-feed.ts";

/** What becomes of messages. */
type MessageEvent = Extract<
  KernelEvent,
  { type: "consumed" | "failed" | "dead-lettered" | "discarded" }
>;

/** Reports what became of a message to those who listen. */
export function reportKernelEvent(
  events: Pick<EventFeed, "wants" | "report">,
  event: MessageEvent,
): void {
  const { stream, message } = event;
  switch (event.type) {
    case "consumed":
      if (events.wants("consumed", stream))
        events.report({ type: "consumed", stream, message, ms: event.ms });
      return;
    case "failed": {
      const { attempt, fault, then } = event;
      events.report({ type: "failed", stream, message, attempt, error: fault.message, then });
      return;
    }
    case "dead-lettered":
    case "discarded":
      events.report({ type: event.type, stream, message, reason: event.reason });
      return;
  }
}
