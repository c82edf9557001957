/**
 * The outside point of control of a session, for programs and pages, and the site's half of its connection. Runs in
 * browsers.
 *
 * @module
 */
export { defineAgent } from "../../agent/define/index.ts";
export { type Author, AuthorKey } from "../../trust/index.ts";
export { connect, type PlatformWebSocket } from "./connect.ts";
export {
  type ConnectOptions,
  connectShell,
  type ShellDialler,
  shellUrlOf,
} from "./connect-shell.ts";
export { EventReader } from "./event-reader.ts";
export type { Inspection } from "./inspection.ts";
export { RemoteShellPort } from "./remote-shell-port.ts";
export type { AttachShell } from "./served-shell.ts";
export { Shell } from "./shell.ts";
export { refusedError, unreachableError } from "./shell-errors.ts";
export { ShellServer } from "./shell-server.ts";
export type { RegisterOptions, ShellAppendOptions, ShellStream } from "./shell-stream.ts";
export type { StreamGroup } from "./stream-group.ts";
