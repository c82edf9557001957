/**
 * Confined processes: what they may do, letters to and from them, and what is known when they end. They know nothing of
 * agents.
 *
 * @module
 */
export { ConfinedProcess, type ProcessLeavings } from "./confined-process.ts";
export { ControlGroups } from "./control-groups.ts";
export { findControlGroups, type GroupFinding } from "./find-control-groups.ts";
export { GROUP_FILES } from "./group-files.ts";
export { type ProcessEnd, wordsOf } from "./process-end.ts";
export { shareOfMemoryMb } from "./process-memory.ts";
export { ProcessPool } from "./process-pool.ts";
export { SiteLink } from "./site-link.ts";
