import type { prepareCode } from "../../code/index.ts";
import type { Ambience } from "./read-description.ts";
import type { UploadReader } from "./upload-reader.ts";

/** What reading in this thread depends on. */
export interface InlineReaderOptions extends Ambience {
  /** Needs Node. */
  readonly prepare: typeof prepareCode;
}

/**
 * Reads uploads in this thread, which the first one locks down for good: for simulation, and code of the site's owner.
 * Code that never ends blocks the thread, and its unhandled rejections reach the process.
 */
export function inlineReader({ prepare, ...ambience }: InlineReaderOptions): UploadReader {
  let loading: Promise<typeof import("./read-description.ts")> | undefined;
  return {
    async agent(source) {
      const code = await prepare("agent", source);
      // Once: an import waits for the loader each time, whatever has been loaded.
      loading ??= load();
      const { readDescription } = await loading;
      return { code, definition: readDescription(code.expression, ambience) };
    },
    handler: (source) => prepare("handler", source),
  };
}

async function load(): Promise<typeof import("./read-description.ts")> {
  const { lockDown } = await import("../../code/lockdown.ts");
  lockDown();
  return await import("./read-description.ts");
}
