/**
 * Records of streams on disk.
 *
 * @module
 */
export { LmdbRecordStore } from "./lmdb-record-store.ts";
