import { DEFAULT_LIMITS } from "./model.ts";
import { ControlGroups, GROUP_FILES, ProcessPool } from "./processes/index.ts";

/**
 * Processes for agents and uploads of one site; none is started before the first is needed.
 *
 * @param groups which bound them besides; default: none
 */
export function openAgentProcesses(groups?: ControlGroups): ProcessPool {
  const script = new URL("./process-main.js", import.meta.url);
  return new ProcessPool({ script, memoryMb: DEFAULT_LIMITS.memoryMb, groups });
}

/** The same with control groups, where this process may make any. */
export async function openGroupedAgentProcesses(): Promise<ProcessPool> {
  return openAgentProcesses(await ControlGroups.open(GROUP_FILES, process.pid));
}
