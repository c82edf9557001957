/**
 * Pieces of code by hash: checked and rewritten at upload, stored, fetched, and evaluated under lockdown.
 *
 * @module
 */
export type { AgentModule } from "./agent-module.ts";
export { CodeError, type SourcePlace } from "./code-error.ts";
export { type CodeBlobs, CodeStore } from "./code-store.ts";
export { LANGUAGE_NAMES } from "./language-names.ts";
export { lockDown } from "./lockdown.ts";
export { prepareAgent, prepareHandler } from "./prepare-code.ts";
export type { PreparedCode } from "./prepared-code.ts";
