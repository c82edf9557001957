/**
 * Where a session keeps names, locations and configuration.
 *
 * @module
 */
export type { Change, Directory, DirectoryStatus, Entry, Json, Lease, RequestHandler, WriteOptions } from "./directory.ts";
