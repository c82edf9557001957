/**
 * Where a session keeps names, locations and configuration.
 *
 * Only the embedded directory needs Node; `directory-client.ts` and what it imports run in browsers.
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
export { EmbeddedDirectory, type EmbeddedDirectoryOptions } from "./embedded-directory.ts";
export { memorySocketPair } from "./memory-socket.ts";
export type { MessageSocket } from "./message-socket.ts";
export type { Page, PagedDirectory } from "./paged-directory.ts";
export type { DialOptions } from "./reconnecting-socket.ts";
