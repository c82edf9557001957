import type { StreamEvent } from "../agent/define/index.ts";
import type { KernelEvent } from "../stream/index.ts";
import type { LocalEvent } from "./ports.ts";

/**
 * What shells are told of an event of the kernel; undefined: nothing.
 *
 * @param wants whether any shell reads such events of a stream
 */
export function reportOf(
  event: KernelEvent,
  wants: (type: StreamEvent["type"], stream: string) => boolean,
): LocalEvent | undefined {
  switch (event.type) {
    case "consumed": {
      const { type, stream, message, ms } = event;
      return wants(type, stream) ? { type, stream, message, ms } : undefined;
    }
    case "failed": {
      const { type, stream, message, attempt, fault, then } = event;
      return { type, stream, message, attempt, error: fault.message, then };
    }
    case "dead-lettered":
    case "discarded": {
      const { type, stream, message, reason } = event;
      return { type, stream, message, reason };
    }
    default:
      return undefined;
  }
}
