import type { DescribeDefinition } from "./description.ts";
import type { Ambience } from "./read-description.ts";

/**
 * Describes definitions in this thread, which the first call locks down for good: for simulation, and code of the
 * site's owner. Code that never ends blocks the thread, and its unhandled rejections reach the process.
 */
export function describeInline(ambience: Ambience): DescribeDefinition {
  let loading: Promise<typeof import("./read-description.ts")> | undefined;
  return async (expression) => {
    // Once: an import waits for the loader each time, whatever has been loaded.
    loading ??= load();
    const { readDescription } = await loading;
    return readDescription(expression, ambience);
  };
}

async function load(): Promise<typeof import("./read-description.ts")> {
  const { lockDown } = await import("../../code/lockdown.ts");
  lockDown();
  return await import("./read-description.ts");
}
