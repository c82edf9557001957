import type { Clock, Log, MeanderError } from "../../base/index.ts";
import type { LogLevel } from "../../client/contract/index.ts";
import type { MessageSocket } from "../../directory/index.ts";
import type { Address } from "../../session/index.ts";
import type { WatchShutdownEnd } from "../../transport/index.ts";
import type { AuditFacts } from "../../trust/index.ts";
import type { NamedRoom } from "../../wire/index.ts";
import type { GuardRules } from "../access/guard.ts";
import type { GateRules } from "../http/gate.ts";
import type { TlsIdentity } from "../http/http-listener.ts";
import type { HttpRequest, HttpResponse } from "../http/messages.ts";
import type { LogGate } from "../observe/log-gate.ts";
import type { PlaneControl } from "../plane-control.ts";

/** Where a plane listens. */
export interface PlaneOptions {
  /** Address to bind, for HTTP and UDP. */
  readonly host: string;
  /** 0: any free port. */
  readonly httpPort: number;
  /** Undefined: the number of the HTTP port or, if that was chosen freely and is in use, any free port. */
  readonly udpPort?: number | undefined;
  /** False: no native calls, even where they are possible. */
  readonly native?: boolean | undefined;
  /** False: links to and from other machines may be plain. Default true. */
  readonly privateLinks?: boolean | undefined;
  /** Whether it may use other networks than those of its own machine; default false. */
  readonly open?: boolean | undefined;
  /** Rules of admission until {@link Plane.setGate}. */
  readonly gate: GateRules;
  /** Connections to the HTTP port from one address; default `LIMITS.connectionsPerAddressDefault`. */
  readonly connectionsPerAddress?: number | undefined;
  /** If given, the HTTP port accepts TLS only. */
  readonly tls?: TlsIdentity | undefined;
  /** Lowest level that a plane in its own thread logs, until {@link PlaneControl.setLogLevel}; default: all levels. */
  readonly logLevel?: LogLevel | undefined;
}

/** Kinds of WebSockets that carry text messages. */
export type SocketKind = "directory" | "shell";

/** The paths of those WebSockets on a site's HTTP port. */
export const SOCKET_PATHS: Readonly<Record<SocketKind, string>> = {
  directory: "/directory",
  shell: "/shell",
};

/** Handles a WebSocket that was opened. @param address IP address of the other end */
export type SocketHandler = (socket: MessageSocket, address: string) => void;

/** What a plane works with when it runs in the caller's thread. */
export interface PlanePorts {
  readonly clock: Clock;
  readonly log: Log;
  /** Filters `log`, if that is the plane's own. */
  readonly logGate?: LogGate | undefined;
  /** For the plane's thread, which another thread may end. */
  readonly watchShutdown?: WatchShutdownEnd | undefined;
}

/**
 * The media sockets and the HTTP listener of a site. `LocalPlane` runs in the caller's thread, the plane that
 * `openWorkerPlane` opens in a thread of its own; both behave alike.
 */
export interface Plane extends PlaneControl {
  /** As bound. */
  readonly http: Address;
  readonly udp: Address;
  /** Sets the rules of admission to the HTTP port. */
  setGate(rules: GateRules): Promise<void>;
  /** Sets which viewers may watch what; until then, every viewer may watch every channel. */
  setAccess(rules: GuardRules): Promise<void>;
  /** Sets the certificate of the HTTP port, if it uses TLS. */
  setTls(tls: TlsIdentity): Promise<void>;
  /** Sets which other sites viewers may use, by their WebSocket addresses. */
  setViewerSites(sites: readonly { readonly name: string; readonly url: string }[]): Promise<void>;
  /** The leader told what room the sites of the session have. docs/spec/wire.md [W37] */
  setRooms(rooms: readonly NamedRoom[]): Promise<void>;
  /** Sets what answers requests that the plane does not answer itself; once. Until then requests get 503. */
  onRequest(handler: (request: HttpRequest) => Promise<HttpResponse>): void;
  /** Sets what handles WebSockets on `/directory`; once. Until then they are refused. */
  onDirectory(handler: SocketHandler): void;
  /** Sets what handles WebSockets on `/shell`; once. Until then they are refused. */
  onShell(handler: SocketHandler): void;
  /** Sets what notes what the plane has judged; once. */
  onAudited(listener: (facts: AuditFacts) => void): void;
  /** Settles with the reason when the plane ends unexpectedly. Never after `close`. */
  readonly failed: Promise<MeanderError>;
}
