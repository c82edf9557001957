import { DEFAULT_LIMITS } from "./model.ts";
import { ProcessPool } from "./processes/index.ts";

/** Processes for agents and uploads of one site; none is started before the first is needed. */
export function openAgentProcesses(): ProcessPool {
  const script = new URL("./process-main.js", import.meta.url);
  return new ProcessPool({ script, memoryMb: DEFAULT_LIMITS.memoryMb });
}
