/**
 * Records of streams on disk.
 *
 * @module
 */
export { FileMarkStore } from "./file-mark-store.ts";
export { LmdbRecordStore } from "./lmdb-record-store.ts";
