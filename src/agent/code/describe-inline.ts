import type { DescribeDefinition } from "./description.ts";
import type { Ambience } from "./read-description.ts";

/**
 * Describes definitions in this thread, which is locked down by the first one, for good: for simulation, and code of the site's owner. Code that never ends stops the
 * thread, and promises that it leaves rejected reach the process.
 */
export function describeInline(ambience: Ambience): DescribeDefinition {
  return async (expression) => {
    const { lockDown } = await import("../lockdown.ts");
    lockDown();
    const { readDescription } = await import("./read-description.ts");
    return readDescription(expression, ambience);
  };
}
