import { type Log, MeanderError } from "../../base/index.ts";
import type { LinkTrace, LogLevel, PlaneSnapshot } from "../../client/contract/index.ts";
import type { MessageSocket } from "../../directory/index.ts";
import type { Address } from "../../session/index.ts";
import type { AuditFacts } from "../../trust/index.ts";
import type { GuardRules } from "../access/guard.ts";
import type { GateRules } from "../http/gate.ts";
import type { TlsIdentity } from "../http/http-listener.ts";
import { errorResponse, type HttpRequest, type HttpResponse } from "../http/messages.ts";
import type {
  Departed,
  IngestOptions,
  IngestPorts,
  PlaneControl,
  PlaneEvent,
  PlaneStats,
  RtpOutputOptions,
} from "../plane-control.ts";
import type { Plane, SocketHandler, SocketKind } from "./plane.ts";
import {
  errorOf,
  type FromPlane,
  type PlaneMethod,
  type PlanePort,
  type ToPlane,
} from "./plane-messages.ts";

/** The port as the main thread has it. */
export type CallingPort = PlanePort<ToPlane, FromPlane>;

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: MeanderError) => void;
}

interface RemoteSocket extends MessageSocket {
  receive(text: string): void;
  ended(): void;
}

/** A plane at the other end of a message port, where {@link servePlane} serves it. */
export class RemotePlane implements Plane {
  readonly http: Address;
  readonly udp: Address;
  readonly failed: Promise<MeanderError>;
  readonly #port: CallingPort;
  readonly #log: Log;
  readonly #calls = new Map<number, Call>();
  readonly #sockets = new Map<number, RemoteSocket>();
  readonly #listeners: ((event: PlaneEvent) => void)[] = [];
  readonly #ended: () => Promise<void>;
  #onAudited: (facts: AuditFacts) => void = () => {};
  #fail: (error: MeanderError) => void = () => {};
  #request: ((request: HttpRequest) => Promise<HttpResponse>) | undefined;
  readonly #handlers: Partial<Record<SocketKind, SocketHandler>> = {};
  #failure: MeanderError | undefined;
  #lastCall = 0;

  /** @param ended called once the plane has closed; waits for its thread */
  constructor(
    port: CallingPort,
    options: { http: Address; udp: Address; log: Log; ended?: () => Promise<void> },
  ) {
    this.#port = port;
    this.http = options.http;
    this.udp = options.udp;
    this.#log = options.log;
    this.#ended = options.ended ?? (async () => {});
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    port.on("message", (message) => this.#receive(message));
  }

  /** The other end is gone: every open and every later call fails with `error`, and `failed` settles. */
  fail(error: MeanderError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
    for (const socket of this.#sockets.values()) socket.ended();
    this.#sockets.clear();
    this.#fail(error);
  }

  onEvent(listener: (event: PlaneEvent) => void): void {
    this.#listeners.push(listener);
  }

  onAudited(listener: (facts: AuditFacts) => void): void {
    this.#onAudited = listener;
  }

  onRequest(handler: (request: HttpRequest) => Promise<HttpResponse>): void {
    this.#request = handler;
  }

  onDirectory(handler: SocketHandler): void {
    this.#handlers.directory = handler;
  }

  onShell(handler: SocketHandler): void {
    this.#handlers.shell = handler;
  }

  async configure(options: Parameters<PlaneControl["configure"]>[0]): Promise<void> {
    await this.#call("configure", options);
  }

  async rekey(options: Parameters<PlaneControl["rekey"]>[0]): Promise<void> {
    await this.#call("rekey", options);
  }

  async setLimits(options: Parameters<PlaneControl["setLimits"]>[0]): Promise<void> {
    await this.#call("setLimits", options);
  }

  async setReshaping(reshaping: Parameters<PlaneControl["setReshaping"]>[0]): Promise<void> {
    await this.#call("setReshaping", reshaping);
  }

  async setNeighbours(neighbours: Parameters<PlaneControl["setNeighbours"]>[0]): Promise<void> {
    await this.#call("setNeighbours", neighbours);
  }

  async setGate(rules: GateRules): Promise<void> {
    await this.#call("setGate", rules);
  }

  async setAccess(rules: GuardRules): Promise<void> {
    await this.#call("setAccess", rules);
  }

  async setTls(tls: TlsIdentity): Promise<void> {
    await this.#call("setTls", tls);
  }

  async setViewerSites(
    sites: readonly { readonly name: string; readonly url: string }[],
  ): Promise<void> {
    await this.#call("setViewerSites", sites);
  }

  async setRooms(rooms: Parameters<Plane["setRooms"]>[0]): Promise<void> {
    await this.#call("setRooms", rooms);
  }

  async openChannel(options: Parameters<PlaneControl["openChannel"]>[0]): Promise<void> {
    await this.#call("openChannel", options);
  }

  async refuseChannel(channel: string, code: string, message: string): Promise<void> {
    await this.#call("refuseChannel", channel, code, message);
  }

  async closeChannel(channel: string, reason: string): Promise<void> {
    await this.#call("closeChannel", channel, reason);
  }

  async openIngest(options: IngestOptions): Promise<IngestPorts> {
    return (await this.#call("openIngest", options)) as IngestPorts;
  }

  async closeIngest(channel: string, input: string, reason?: string): Promise<void> {
    await this.#call("closeIngest", channel, input, reason);
  }

  async publishData(channel: string, contentType: string, bytes: Uint8Array): Promise<void> {
    await this.#call("publishData", channel, contentType, bytes);
  }

  async addRtpOutput(options: RtpOutputOptions): Promise<{ readonly id: number }> {
    return (await this.#call("addRtpOutput", options)) as { id: number };
  }

  async removeRtpOutput(id: number): Promise<void> {
    await this.#call("removeRtpOutput", id);
  }

  async snapshot(): Promise<PlaneSnapshot> {
    return (await this.#call("snapshot")) as PlaneSnapshot;
  }

  async trace(options: Parameters<PlaneControl["trace"]>[0]): Promise<readonly LinkTrace[]> {
    return (await this.#call("trace", options)) as readonly LinkTrace[];
  }

  async stats(): Promise<PlaneStats> {
    return (await this.#call("stats")) as PlaneStats;
  }

  async depart(withinMs: number): Promise<Departed> {
    return (await this.#call("depart", withinMs)) as Departed;
  }

  async setLogLevel(level: LogLevel): Promise<void> {
    await this.#call("setLogLevel", level);
  }

  async close(): Promise<void> {
    if (this.#failure !== undefined) return;
    const closing = this.#call("close");
    // From here on the end of the thread is expected; `failed` never settles.
    this.#failure = new MeanderError("plane-closed", "the plane is closed");
    await closing;
    await this.#ended();
  }

  #call(method: PlaneMethod, ...args: unknown[]): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#port.postMessage({ type: "call", id, method, args });
    });
  }

  #receive(message: FromPlane): void {
    switch (message.type) {
      case "result":
        this.#removeCall(message.id)?.resolve(message.value);
        break;
      case "error":
        this.#removeCall(message.id)?.reject(errorOf(message.error));
        break;
      case "event":
        for (const listener of this.#listeners) listener(message.event);
        break;
      case "audited":
        this.#onAudited(message.facts);
        break;
      case "request":
        void this.#answer(message.id, message.request);
        break;
      case "socket-opened":
        this.#open(message.socket, message.kind, message.address);
        break;
      case "socket-text":
        this.#sockets.get(message.socket)?.receive(message.text);
        break;
      case "socket-closed":
        this.#sockets.get(message.socket)?.ended();
        this.#sockets.delete(message.socket);
        break;
      case "log":
        this.#log[message.level](message.message, message.fields);
        break;
      case "opened":
      case "open-failed":
        break;
    }
  }

  #removeCall(id: number): Call | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  async #answer(id: number, request: HttpRequest): Promise<void> {
    const response = await respond(this.#request, request, this.#log);
    this.#port.postMessage({ type: "response", id, response });
  }

  #open(id: number, kind: SocketKind, address: string): void {
    const handler = this.#handlers[kind];
    if (handler === undefined) {
      this.#port.postMessage({ type: "socket-close", socket: id });
      return;
    }
    let receive: (text: string) => void = () => {};
    let ended: () => void = () => {};
    const socket: RemoteSocket = {
      send: (text) => this.#port.postMessage({ type: "socket-text", socket: id, text }),
      close: () => this.#port.postMessage({ type: "socket-close", socket: id }),
      admitted: () => this.#port.postMessage({ type: "socket-admitted", socket: id }),
      onMessage: (handler) => {
        receive = handler;
      },
      onClose: (handler) => {
        ended = handler;
      },
      receive: (text) => receive(text),
      ended: () => ended(),
    };
    this.#sockets.set(id, socket);
    handler(socket, address);
  }
}

/** Calls `handler`; without one, and when it fails, returns an error response. */
export async function respond(
  handler: ((request: HttpRequest) => Promise<HttpResponse>) | undefined,
  request: HttpRequest,
  log: Log,
): Promise<HttpResponse> {
  if (handler === undefined) {
    return errorResponse(
      503,
      new MeanderError("starting", "the site is starting", { next: "try again in a second" }),
    );
  }
  try {
    return await handler(request);
  } catch (error) {
    log.error("A request failed.", {
      target: request.target,
      error: error instanceof Error ? error.stack : error,
    });
    const failure = new MeanderError("internal", "the site failed to answer", {
      next: "see the site's log",
    });
    return errorResponse(500, failure);
  }
}
