import { availableParallelism } from "node:os";
import { Child } from "./child.ts";

/** Keeps every processor of this machine busy until it is stopped: as many processes as there are processors. */
export function keepProcessorsBusy(): { stop(): Promise<void> } {
  const children = Array.from(
    { length: availableParallelism() },
    () => new Child(process.execPath, ["-e", "for (;;);"]),
  );
  return {
    stop: async () => {
      await Promise.all(children.map((child) => child.stop()));
    },
  };
}
