/**
 * Pieces of code by hash: checked and rewritten at upload, stored, fetched, and evaluated under lockdown.
 *
 * @module
 */
export { authorChecks } from "./author-checks.ts";
export { CodeError, type CodeErrorCode, type SourcePlace } from "./code-error.ts";
export type { CodeKindName } from "./code-kinds.ts";
export type { CodeSource } from "./code-source.ts";
export { type CodeBlobs, CodeStore } from "./code-store.ts";
export { LANGUAGE_NAMES } from "./language-names.ts";
export { lockDown } from "./lockdown.ts";
export { prepareCode, preparedOf } from "./prepare-code.ts";
export type { PreparedCode } from "./prepared-code.ts";
export { loadTypeStripper } from "./strip-types.ts";
