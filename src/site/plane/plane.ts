import type { Clock, Log, MeanderError } from "../../base/index.ts";
import type { LogLevel } from "../../client/contract/index.ts";
import type { MessageSocket } from "../../directory/index.ts";
import type { Address } from "../../session/index.ts";
import type { WatchShutdownEnd } from "../../transport/index.ts";
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
  /** Undefined: the number of the HTTP port; any free one when that one was chosen freely and is taken. */
  readonly udpPort?: number | undefined;
  /** False: no native calls, even where they are possible. */
  readonly native?: boolean | undefined;
  /** False: links to and from other machines may be plain. Default true. */
  readonly privateLinks?: boolean | undefined;
  /** Whether it takes part in the networks of others; default false: in those of its own machine alone. */
  readonly open?: boolean | undefined;
  /** Who is let in before {@link Plane.setGate} says more. */
  readonly gate: GateRules;
  /** With it, the HTTP port speaks TLS alone. */
  readonly tls?: TlsIdentity | undefined;
  /** Least level that a plane in a thread of its own logs, until {@link PlaneControl.setLogLevel} says other (all). */
  readonly logLevel?: LogLevel | undefined;
}

/** What comes in as a WebSocket of texts. */
export type SocketKind = "directory" | "shell";

/** Where those WebSockets come in, on a site's HTTP port. */
export const SOCKET_PATHS: Readonly<Record<SocketKind, string>> = {
  directory: "/directory",
  shell: "/shell",
};

/** Takes a WebSocket that was opened. @param address IP address of the other end */
export type SocketHandler = (socket: MessageSocket, address: string) => void;

/** What a plane stands on when it runs in the caller's thread. */
export interface PlanePorts {
  readonly clock: Clock;
  readonly log: Log;
  /** What `log` goes through, where that is the plane's own. */
  readonly logGate?: LogGate | undefined;
  /** Of the plane's thread, where another one may end it. */
  readonly watchShutdown?: WatchShutdownEnd | undefined;
}

/**
 * The media sockets and the HTTP listener of a site. `LocalPlane` runs in the caller's thread, what `openWorkerPlane` opens
 * in a thread of its own; both behave alike.
 */
export interface Plane extends PlaneControl {
  /** As bound. */
  readonly http: Address;
  readonly udp: Address;
  /** Who is let in from now on. */
  setGate(rules: GateRules): Promise<void>;
  /** Which viewers may watch what from now on; until then, each everything. */
  setAccess(rules: GuardRules): Promise<void>;
  /** What the HTTP port shows from now on, when it speaks TLS. */
  setTls(tls: TlsIdentity): Promise<void>;
  /** What viewers are told to fall back on: WebSocket addresses of other sites. */
  setViewerSites(sites: readonly { readonly name: string; readonly url: string }[]): Promise<void>;
  /** Who answers what the plane does not answer itself; once. Until then requests get 503. */
  onRequest(handler: (request: HttpRequest) => Promise<HttpResponse>): void;
  /** Who gets the WebSockets opened on `/directory`; once. Until then they are refused. */
  onDirectory(handler: SocketHandler): void;
  /** Who gets the WebSockets opened on `/shell`; once. Until then they are refused. */
  onShell(handler: SocketHandler): void;
  /** Settles when the plane has ended by itself, with why. Never after `close`. */
  readonly failed: Promise<MeanderError>;
}
