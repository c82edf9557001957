/**
 * Where a session keeps names, locations and configuration.
 *
 * Runs in browsers; the store of a leader, in `embedded`, needs Node.
 *
 * @module
 */
export type {
  Change,
  Directory,
  DirectoryStatus,
  Entry,
  Json,
  Lease,
  RequestHandler,
  WriteOptions,
} from "./directory.ts";
export { DirectoryClient } from "./directory-client.ts";
export { DirectoryServer } from "./directory-server.ts";
export { memorySocketPair } from "./memory-socket.ts";
export type { MessageSocket } from "./message-socket.ts";
export type { Page, PagedDirectory } from "./paged-directory.ts";
export type { DialOptions } from "./reconnecting-socket.ts";
