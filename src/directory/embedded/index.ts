/**
 * The directory that a leader keeps: on its own disk or, in simulations, in memory. Needs Node; the rest of `directory`
 * also runs in browsers.
 *
 * Loads native code only when a directory in a folder is opened.
 *
 * @module
 */
export { isRunning, parseOwner, thisOwner } from "./directory-owner.ts";
export type { DirectoryStore, StoredEntry } from "./directory-store.ts";
export { EmbeddedDirectory, type EmbeddedDirectoryOptions } from "./embedded-directory.ts";
export { checkLmdbFile, keepLmdbFilePrivate } from "./lmdb-file.ts";
export { MemoryStore } from "./memory-store.ts";
