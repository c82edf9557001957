/**
 * Where a session keeps names, locations and configuration.
 *
 * Runs in browsers; the store of a leader, in `embedded`, needs Node.
 *
 * @module
 */
export {
  type Caller,
  LEADER_CALLER,
  type MemberCaller,
  memberCaller,
  type ShownToken,
} from "./caller.ts";
export type {
  Change,
  Directory,
  DirectoryStatus,
  Entry,
  Json,
  Lease,
  RequestHandler,
  RequestOptions,
  WriteOptions,
} from "./directory.ts";
export { DirectoryClient, type DirectoryClientOptions } from "./directory-client.ts";
export { DirectoryServer } from "./directory-server.ts";
export type { LeaderDirectory, Page } from "./leader-directory.ts";
export { memorySocketPair } from "./memory-socket.ts";
export type { Admission, Admit, MessageSocket } from "./message-socket.ts";
export type { DialOptions } from "./reconnecting-socket.ts";
export type { DirectoryRights } from "./rights.ts";
export type { CallHandler, SiteCalls } from "./site-calls.ts";
export { type SendCall, type SiteRegistration, SiteRegistry } from "./site-registry.ts";
export { nestingOf } from "./value.ts";
export { decodeError, encodeError, type WireError, wireErrorSchema } from "./wire-error.ts";
