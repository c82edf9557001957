/**
 * The directory that a leader keeps on its own disk. Needs Node; the rest of `directory` runs in browsers too.
 *
 * @module
 */
export { EmbeddedDirectory, type EmbeddedDirectoryOptions } from "./embedded-directory.ts";
