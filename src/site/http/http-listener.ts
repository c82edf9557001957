import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import type { AddressInfo, Server as NetServer } from "node:net";
import type { Duplex } from "node:stream";
import { type Clock, LIMITS, type Log, MeanderError, messageOf } from "../../base/index.ts";
import { AcceptFailures } from "./accept-failures.ts";
import type { OriginScope } from "./allowed-origins.ts";
import { Connections, type Descriptors } from "./connections.ts";
import { checkGate, type GateAnswer, type GateRules, scopeOf } from "./gate.ts";
import { errorResponse, type HttpRequest, type HttpResponse } from "./messages.ts";
import { OriginRefusal } from "./origin-refusal.ts";
import { TlsDoor } from "./tls-door.ts";
import { preflight, writeAnswer as write } from "./write-answer.ts";

/** An upgrade request that the gate has admitted. The socket belongs to the handler. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Bytes that followed the request. */
  readonly head: Buffer;
}

/** Who answers what comes in. */
export interface HttpHandlers {
  /** Every plain request. A rejection is answered with 500. */
  request(request: HttpRequest): Promise<HttpResponse>;
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
  /** With it the port speaks only HTTPS; plain requests are answered with an error. */
  readonly tls?: TlsIdentity | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** Time that upgraded connections have to flush, ms. */
const GRACE_MS = 300;

/** The one HTTP port of a site: admits by Host and Origin, bounds what it reads, and hands on whole requests. */
export class HttpListener implements AsyncDisposable {
  readonly #server: Server;
  /** Holds the port: the server itself, or what is in front of it. */
  readonly #port: NetServer;
  readonly #door: TlsDoor | undefined;
  readonly #plain: Server | undefined;
  readonly #handlers: HttpHandlers;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #upgraded = new Set<Duplex>();
  readonly #connections: Connections;
  readonly #originRefusal: OriginRefusal;
  #gate: GateRules;
  #waiting = 0;

  /** @throws {MeanderError} `port-in-use`, `listen-failed` */
  static async open(options: HttpListenerOptions, handlers: HttpHandlers): Promise<HttpListener> {
    const listener = new HttpListener(options, handlers);
    await new Promise<void>((resolve, reject) => {
      listener.#port.once("error", (cause: NodeJS.ErrnoException) =>
        reject(listenError(options, cause)),
      );
      listener.#port.listen(options.port, options.host, resolve);
    });
    const refusals = new AcceptFailures(options);
    listener.#port.on("error", (error) => refusals.add(error));
    return listener;
  }

  private constructor(options: HttpListenerOptions, handlers: HttpHandlers) {
    this.#gate = options.gate;
    this.#clock = options.clock;
    this.#originRefusal = new OriginRefusal(options.clock);
    this.#log = options.log;
    this.#handlers = handlers;
    const settings = { requestTimeout: LIMITS.requestMsMax, keepAlive: true, noDelay: true };
    if (options.tls === undefined) {
      this.#server = this.#port = createServer(settings);
    } else {
      const handshakeTimeout = LIMITS.tlsHandshakeMs;
      const tls = { ...options.tls, minVersion: "TLSv1.2" as const, handshakeTimeout };
      this.#server = createSecureServer({ ...settings, ...tls });
      this.#plain = plainServer(settings);
      this.#door = new TlsDoor({ secure: this.#server, plain: this.#plain }, options.clock);
      this.#port = this.#door.server;
    }
    this.#connections = new Connections(options.descriptors, options.clock);
    this.#port.on("connection", (socket) => this.#connections.opened(socket));
    this.#server.on("request", (request, response) => void this.#answer(request, response));
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade({ request, socket, head }));
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

  /** The rules for requests from now on. */
  setGate(gate: GateRules): void {
    this.#gate = gate;
  }

  /** The certificate for new connections; open ones continue. For a listener that was opened with one. */
  setTls(tls: TlsIdentity): void {
    if (this.#door !== undefined) (this.#server as SecureServer).setSecureContext({ ...tls });
  }

  /** Stops listening and ends every connection; upgraded ones have a moment to end by themselves. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#port.listening) return;
    const closed = new Promise<void>((resolve) => this.#port.close(() => resolve()));
    this.#server.closeAllConnections();
    this.#plain?.closeAllConnections();
    this.#door?.closeWaiting();
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
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#connections.spoke(request.socket);
    if (this.#connections.isSpent) response.setHeader("connection", "close");
    const admission = this.#judge(request);
    if (admission.type === "refused")
      return write(response, errorResponse(403, admission.error), undefined);
    if (request.method === "OPTIONS" && admission.origin !== undefined)
      return preflight(request, response, admission.origin);
    if (this.#waiting >= LIMITS.requestsMax) return write(response, overloaded(), admission.origin);
    this.#waiting++;
    try {
      const body = await readBody(request);
      if (body === undefined) {
        request.resume();
        return write(response, tooLarge(), admission.origin);
      }
      const whole = { ...headOf(request), body };
      write(response, await this.#withDeadline(this.#handlers.request(whole)), admission.origin);
    } catch (error) {
      if (request.destroyed && !request.complete) return;
      this.#log.error("A request failed.", {
        method: request.method,
        target: request.url,
        error: messageOf(error),
      });
      const failure = new MeanderError("internal", "the site failed to answer", {
        next: "see the site's log",
      });
      write(response, errorResponse(500, failure), admission.origin);
    } finally {
      this.#waiting--;
    }
  }

  #withDeadline(answer: Promise<HttpResponse>): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after("http answer", LIMITS.requestMsMax, () => resolve(late()));
      answer.then(resolve, reject).finally(cancel);
    });
  }

  #judge(request: IncomingMessage): GateAnswer {
    const { host, origin } = request.headers;
    return checkGate(this.#gate, { host, origin, scope: scopeOfRequest(request) });
  }

  #upgrade(upgrade: Upgrade): void {
    const { request, socket } = upgrade;
    socket.on("error", () => socket.destroy());
    this.#connections.spoke(request.socket);
    const admission = this.#judge(request);
    if (admission.type === "refused") {
      if (admission.error.code === "origin-refused" && scopeOfRequest(request) === "link") {
        this.#originRefusal.answer(upgrade);
      } else refuseUpgrade(socket, errorResponse(403, admission.error));
      return;
    }
    if (this.#connections.isSpent) {
      refuseUpgrade(socket, errorResponse(503, spent()));
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
  }
}

/** The answer to bytes that are not HTTP. */
function refuseGarbage(_error: Error, socket: Duplex): void {
  if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
  else socket.destroy();
}

/** Tells a client that speaks plain HTTP that the port speaks TLS. */
function plainServer(settings: ServerOptions): Server {
  const server = createServer(settings, (request, response) => {
    request.resume();
    response.setHeader("connection", "close");
    write(response, tlsRequired(), undefined);
  });
  server.on("upgrade", (_request, socket) => {
    socket.on("error", () => socket.destroy());
    refuseUpgrade(socket, tlsRequired());
  });
  return server.on("clientError", refuseGarbage);
}

function tlsRequired(): HttpResponse {
  return errorResponse(
    400,
    new MeanderError("tls-required", "this port speaks HTTPS", {
      expected: "an address that begins with https:// or wss://",
      next: "use it instead of http:// or ws://",
    }),
  );
}

/** Ends an upgrade with a plain HTTP answer. */
export function refuseUpgrade(socket: Duplex, response: HttpResponse): void {
  const headers = Object.entries({ ...response.headers, connection: "close" });
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(
    `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ""}\r\n${lines}\r\n${response.body}`,
  );
}

function scopeOfRequest({ url, headers }: IncomingMessage): OriginScope {
  return scopeOf(url, headers.upgrade);
}

function headOf(request: IncomingMessage): Omit<HttpRequest, "body"> {
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)]);
  return {
    method: request.method ?? "GET",
    target: request.url ?? "/",
    headers: Object.fromEntries(headers) as Record<string, string>,
    remoteAddress: (request.socket.remoteAddress ?? "").replace(/^::ffff:/, ""),
  };
}

/** Undefined when the body is larger than allowed. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  if (Number(request.headers["content-length"] ?? 0) > LIMITS.bodyBytesMax) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop must not destroy the socket: the answer still goes out on it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > LIMITS.bodyBytesMax) return undefined;
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function tooLarge(): HttpResponse {
  const expected = `at most ${LIMITS.bodyBytesMax} bytes`;
  return errorResponse(
    413,
    new MeanderError("body-too-large", "the request body is too large", { expected }),
  );
}

function overloaded(): HttpResponse {
  const next = "try again in a second";
  return errorResponse(
    503,
    new MeanderError("overloaded", "too many requests wait for their answer", { next }),
  );
}

function spent(): MeanderError {
  return new MeanderError("overloaded", "the site has no descriptors left", {
    next: "try another site, or raise its limit of open files",
  });
}

function late(): HttpResponse {
  const what = `the site did not answer within ${LIMITS.requestMsMax} ms`;
  return errorResponse(503, new MeanderError("overloaded", what, { next: "see the site's log" }));
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
