import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  type Clock,
  Counters,
  LIMITS,
  type Log,
  MeanderError,
  messageOf,
} from "../../base/index.ts";
import { networkOf } from "../../transport/index.ts";
import { AddressMeter } from "../access/address-meter.ts";
import { AcceptFailures } from "./accept-failures.ts";
import type { OriginScope } from "./allowed-origins.ts";
import type { Caller } from "./caller.ts";
import { chooseServer } from "./choose-server.ts";
import { Connections, type Descriptors, shareOf } from "./connections.ts";
import { checkGate, type GateAnswer, type GateRules, scopeOf } from "./gate.ts";
import { errorResponse, type HttpHead, type HttpRequest, type HttpResponse } from "./messages.ts";
import { OriginRefusal } from "./origin-refusal.ts";
import { plainServer } from "./plain-server.ts";
import { hasBody, headOf, readBody } from "./read-request.ts";
import { failed, late, overloaded, spent, throttled, tooLarge, unclaimed } from "./refusals.ts";
import { faultOfForm } from "./request-form.ts";
import { preflight, refuseGarbage, refuseUpgrade, writeAnswer as write } from "./write-answer.ts";

/** An upgrade request that the gate has admitted. The socket belongs to the handler. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Bytes that followed the request. */
  readonly head: Buffer;
  /** To be called when the other end has shown who it is; until then it has little time, and may be cut for others. */
  known(): void;
}

/** Who answers what comes in. */
export interface HttpHandlers {
  /** Every plain request. A rejection is answered with 500. */
  request(request: HttpRequest): Promise<HttpResponse>;
  /**
   * Why the client of a request is a stranger; undefined: it has shown who it is. Absent: every client has. A stranger's
   * request is handed on if it has no body.
   */
  strangerness?(head: HttpHead): MeanderError | undefined | Promise<MeanderError | undefined>;
  /** Told of requests that were refused for who asks, before they were handed on. */
  refused?(head: HttpHead, error: MeanderError): void;
  /** Judges a request before its body is read. Absent, and undefined: the body is read. */
  judge?(head: HttpHead): Promise<HttpResponse | undefined>;
  /** Upgrades by path and protocol, `websocket /link` for example; others get 404. */
  readonly upgrades: Readonly<Record<string, (upgrade: Upgrade) => void>>;
}

/** A certificate and its private key, in PEM. */
export interface TlsIdentity {
  /** Followed by those of the intermediate authorities. */
  readonly cert: string;
  readonly key: string;
}

/** Where to listen. */
export interface HttpListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly gate: GateRules;
  /** Reports when no further connection can be admitted; absent: there is no bound. */
  readonly descriptors?: Descriptors | undefined;
  /** Connections from one address; default `LIMITS.connectionsPerAddressDefault`. */
  readonly perAddress?: number | undefined;
  /** With it the port speaks only HTTPS; plain requests are answered with an error. */
  readonly tls?: TlsIdentity | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** Time that upgraded connections have to flush, ms. */
const GRACE_MS = 300;

/** Requests of strangers that an address may make. */
const STRANGER_RATE = {
  max: LIMITS.strangerRequestRateMax,
  forgivenMs: 1_000 / LIMITS.strangerRequestRateMax,
};

/**
 * The one HTTP port of a site: admits by Host and Origin, keeps strangers within their own places, bounds what it reads
 * and for how long, and hands on whole requests.
 */
export class HttpListener implements AsyncDisposable {
  /** Connections that were cut or not taken, and requests that were refused for their number; `door-…`. */
  readonly counts: Counters = new Counters();
  readonly #port: NetServer;
  readonly #server: Server;
  /** Answers plain HTTP on a port with TLS. */
  readonly #plain: Server | undefined;
  readonly #handlers: HttpHandlers;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #upgraded = new Set<Duplex>();
  readonly #connections: Connections;
  readonly #originRefusal: OriginRefusal;
  readonly #strangerRate: AddressMeter;
  #gate: GateRules;
  /** Whose bodies are being read, oldest first. */
  readonly #reading = new Set<Caller>();
  /** Requests that wait for their answer, of clients that are known, and of strangers. */
  readonly #waiting = { known: 0, strangers: 0 };

  /** @throws {MeanderError} `port-in-use`, `listen-failed` */
  static async open(options: HttpListenerOptions, handlers: HttpHandlers): Promise<HttpListener> {
    const listener = new HttpListener(options, handlers);
    const { host, port } = options;
    await new Promise<void>((resolve, reject) => {
      listener.#port.once("error", (cause: NodeJS.ErrnoException) =>
        reject(listenError(options, cause)),
      );
      listener.#port.listen({ host, port, backlog: LIMITS.listenBacklog }, resolve);
    });
    const refusals = new AcceptFailures(options);
    listener.#port.on("error", (error) => refusals.add(error));
    return listener;
  }

  private constructor(options: HttpListenerOptions, handlers: HttpHandlers) {
    const { gate, clock, log, tls, descriptors, perAddress } = options;
    const { counts } = this;
    this.#gate = gate;
    this.#clock = clock;
    this.#originRefusal = new OriginRefusal(clock);
    this.#log = log;
    this.#handlers = handlers;
    this.#strangerRate = new AddressMeter(clock, STRANGER_RATE);
    this.#connections = new Connections({ descriptors, perAddress, clock, counts });
    // Their pace is ours to judge: see `HttpPace`.
    const settings = { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: LIMITS.idleMs };
    if (tls === undefined) this.#server = createHttpServer(settings);
    else {
      this.#server = createSecureServer({ ...settings, ...tls, minVersion: "TLSv1.2" });
      this.#plain = plainServer(settings);
    }
    // In front of the servers, so that one connection too many costs little.
    this.#port = createServer({ noDelay: true, keepAlive: true }, (socket) => this.#accept(socket));
    this.#server.on("request", (request, response) => void this.#take(request, response));
    this.#server.on("checkContinue", (request, response) => void this.#take(request, response));
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on("clientError", refuseGarbage);
  }

  /** As bound. */
  get port(): number {
    return (this.#port.address() as AddressInfo).port;
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#connections.count;
  }

  /** Of those, the ones that have not shown who they are. */
  get strangerCount(): number {
    return this.#connections.strangerCount;
  }

  /** The rules for requests from now on. */
  setGate(gate: GateRules): void {
    this.#gate = gate;
  }

  /** The certificate for new connections; open ones continue. For a listener that was opened with one. */
  setTls(tls: TlsIdentity): void {
    if (this.#plain !== undefined) (this.#server as SecureServer).setSecureContext({ ...tls });
  }

  /** Stops listening and ends every connection; upgraded ones have a moment to end by themselves. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#port.listening) return;
    const closed = new Promise<void>((resolve) => this.#port.close(() => resolve()));
    this.#connections.endRequests();
    // Not `once` of node:events, which also settles with an error.
    const ends = [...this.#upgraded].map(
      (socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())),
    );
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#clock.after("end upgrades", GRACE_MS, resolve);
    });
    await Promise.race([Promise.all(ends), late]);
    cancel();
    for (const socket of this.#upgraded) socket.destroy();
    await closed;
    this.#connections.close();
  }

  #accept(socket: Socket): void {
    if (!this.#connections.opened(socket)) return;
    if (this.#plain === undefined) this.#server.emit("connection", socket);
    else chooseServer(socket, { secure: this.#server, plain: this.#plain });
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const caller = this.#connections.callerOf(request.socket);
    if (caller === undefined) {
      request.socket.destroy();
      return;
    }
    caller.asked();
    response.once("close", () => caller.answered());
    if (caller.answers > LIMITS.connectionRequestsMax) {
      caller.cut("door-requests-many");
      return;
    }
    if (this.#connections.isSpent) response.setHeader("connection", "close");
    const admission = this.#judge(request);
    if (admission.type === "refused") {
      const status = admission.error.code === "request-invalid" ? 400 : 403;
      return write(response, errorResponse(status, admission.error), undefined);
    }
    const { origin } = admission;
    if (request.method === "OPTIONS" && origin !== undefined)
      return preflight(request, response, origin);
    try {
      write(response, await this.#answer(request, response, caller), origin);
    } catch (error) {
      if (request.destroyed && !request.complete) return;
      const { method, url: target } = request;
      this.#log.error("A request failed.", { method, target, error: messageOf(error) });
      write(response, failed(), origin);
    }
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    caller: Caller,
  ): Promise<HttpResponse> {
    const head = headOf(request);
    const stranger = await this.#handlers.strangerness?.(head);
    if (stranger === undefined) caller.known();
    else if (hasBody(request)) {
      this.#handlers.refused?.(head, stranger);
      return unclaimed(stranger);
    } else if (!this.#mayAsk(caller.address)) return throttled();
    const body = hasBody(request) ? await this.#judgedBody(request, response, caller) : NOTHING;
    if (!(body instanceof Uint8Array)) return body;
    const pool = stranger === undefined ? "known" : "strangers";
    if (this.#waiting[pool] >= ROOM[pool]) {
      this.counts.add("door-requests-full");
      return overloaded();
    }
    this.#waiting[pool]++;
    try {
      return await this.#withDeadline(this.#handlers.request({ ...head, body }));
    } finally {
      this.#waiting[pool]--;
    }
  }

  /** The body of a request that may send one, or why it may not. It waits for no answer yet, so it takes no such place. */
  async #judgedBody(
    request: IncomingMessage,
    response: ServerResponse,
    caller: Caller,
  ): Promise<Uint8Array | HttpResponse> {
    if (this.#reading.size >= LIMITS.requestsMax) {
      const [oldest] = this.#reading;
      if (oldest !== undefined) this.#reading.delete(oldest);
      oldest?.cut("door-crowded");
    }
    this.#reading.add(caller);
    try {
      const refusal = await this.#handlers.judge?.(headOf(request));
      if (refusal !== undefined) return refusal;
      if (isAnnounced(request)) response.writeContinue();
      caller.bodyBegins();
      const body = await readBody(request);
      caller.bodyEnds();
      return body ?? tooLarge();
    } finally {
      this.#reading.delete(caller);
    }
  }

  #mayAsk(address: string): boolean {
    const share = shareOf(networkOf(address));
    if (this.#strangerRate.allows(address, share)) {
      this.#strangerRate.add(address, share);
      return true;
    }
    this.counts.add("door-throttled");
    return false;
  }

  #withDeadline(answer: Promise<HttpResponse>): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after("http answer", LIMITS.requestMsMax, () => resolve(late()));
      answer.then(resolve, reject).finally(cancel);
    });
  }

  #judge(request: IncomingMessage): GateAnswer {
    const error = faultOfForm(request);
    if (error !== undefined) return { type: "refused", error };
    const { host, origin } = request.headers;
    const answer = checkGate(this.#gate, { host, origin, scope: scopeOfRequest(request) });
    if (answer.type === "refused") this.#handlers.refused?.(headOf(request), answer.error);
    return answer;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const caller = this.#connections.callerOf(request.socket);
    if (caller === undefined) {
      socket.destroy();
      return;
    }
    const upgrade = { request, socket, head, known: () => caller.known() };
    const admission = this.#judge(request);
    if (admission.type === "refused") {
      const { code } = admission.error;
      if (code === "origin-refused" && scopeOfRequest(request) === "link") {
        this.#originRefusal.answer(upgrade);
      } else {
        const status = code === "request-invalid" ? 400 : 403;
        refuseUpgrade(socket, errorResponse(status, admission.error));
      }
      return;
    }
    if (this.#connections.isSpent) {
      refuseUpgrade(socket, spent());
      return;
    }
    const path = (request.url ?? "").split("?", 1)[0];
    const key = `${(request.headers.upgrade ?? "").toLowerCase()} ${path}`;
    const handler = Object.hasOwn(this.#handlers.upgrades, key)
      ? this.#handlers.upgrades[key]
      : undefined;
    if (handler === undefined) {
      const error = new MeanderError("upgrade-unknown", "nothing answers to that upgrade here", {
        where: key,
        expected: Object.keys(this.#handlers.upgrades).join(", "),
      });
      refuseUpgrade(socket, errorResponse(404, error));
      return;
    }
    this.#upgraded.add(socket);
    socket.once("close", () => this.#upgraded.delete(socket));
    handler(upgrade);
    // Behind the handler, which decides when the socket is read.
    this.#connections.upgraded(caller, socket);
  }
}

/** Requests that wait at once. */
const ROOM = { known: LIMITS.requestsMax, strangers: LIMITS.strangerRequestsMax } as const;
const NOTHING = new Uint8Array(0);

function scopeOfRequest({ url, headers }: IncomingMessage): OriginScope {
  return scopeOf(url, headers.upgrade);
}

/** The client waits with its body until it is told to send it. */
function isAnnounced({ headers, httpVersion }: IncomingMessage): boolean {
  return httpVersion !== "1.0" && headers.expect?.toLowerCase() === "100-continue";
}

function listenError(options: HttpListenerOptions, cause: NodeJS.ErrnoException): MeanderError {
  const where = `${options.host}:${options.port}`;
  if (cause.code === "EADDRINUSE") return portInUse(where, "--http-port", cause);
  return new MeanderError("listen-failed", `cannot listen: ${cause.message}`, {
    where,
    expected: "an address of this machine and a port from 1024 up",
    next: "choose another --host or --http-port",
    cause,
  });
}

/** The error for a taken port; `option` is the one that chooses it. */
export function portInUse(where: string, option: string, cause: unknown): MeanderError {
  return new MeanderError("port-in-use", "the port is taken", {
    where,
    expected: "a free port",
    next: `choose another ${option}, or stop the program that holds it`,
    cause,
  });
}
