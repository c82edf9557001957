import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { type LogFields, MeanderError, SILENT } from "../../base/index.ts";
import type { LinkTrace, PlaneSnapshot } from "../../client/contract/index.ts";
import type { MessageSocket } from "../../directory/index.ts";
import { zeroTotals } from "../../transport/index.ts";
import type { AuditFacts } from "../../trust/index.ts";
import type { HttpRequest, HttpResponse } from "../http/messages.ts";
import type { Departed, PlaneEvent, PlaneStats } from "../plane-control.ts";
import type { Plane, SocketHandler } from "./plane.ts";
import { type CallingPort, RemotePlane } from "./remote-plane.ts";
import { portLog, type ServingPort, servePlane } from "./serve-plane.ts";

const ADDRESS = { host: "127.0.0.1", port: 7000 };
const EMPTY: PlaneSnapshot = {
  at: 1,
  channels: [],
  peers: [],
  drops: { malformed: 2 },
  datagrams: { mode: "plain", reason: "not-linux", ...zeroTotals() },
};

/** A plane that records calls and has no sockets. */
class FakePlane implements Plane {
  readonly http = ADDRESS;
  readonly udp = ADDRESS;
  readonly failed = new Promise<MeanderError>(() => {});
  readonly calls: unknown[][] = [];
  tell: (event: PlaneEvent) => void = () => {};
  audited: (facts: AuditFacts) => void = () => {};
  request: (request: HttpRequest) => Promise<HttpResponse> = () =>
    Promise.reject(new Error("no handler answers"));
  directory: (socket: MessageSocket) => void = () => {};
  shell: (socket: MessageSocket) => void = () => {};

  configure = this.#record("configure");
  rekey = this.#record("rekey");
  setLimits = this.#record("setLimits");
  setReshaping = this.#record("setReshaping");
  setNeighbours = this.#record("setNeighbours");
  setGate = this.#record("setGate");
  setViewerSites = this.#record("setViewerSites");
  setRooms = this.#record("setRooms");
  openChannel = this.#record("openChannel");
  refuseChannel = this.#record("refuseChannel");
  closeChannel = this.#record("closeChannel");
  closeIngest = this.#record("closeIngest");
  publishData = this.#record("publishData");
  removeRtpOutput = this.#record("removeRtpOutput");
  setLogLevel = this.#record("setLogLevel");
  setAccess = this.#record("setAccess");
  setTls = this.#record("setTls");
  close = this.#record("close");

  openIngest(): Promise<never> {
    return Promise.reject(
      new MeanderError("port-in-use", "the port is taken", {
        where: "127.0.0.1:5004",
        expected: "a free port",
        next: "choose another",
      }),
    );
  }

  addRtpOutput(): Promise<{ id: number }> {
    return Promise.reject(new TypeError("a bug"));
  }

  async snapshot(): Promise<PlaneSnapshot> {
    return EMPTY;
  }

  async stats(): Promise<PlaneStats> {
    const { at, drops } = EMPTY;
    const sums = { at, drops, channels: [], viewers: 3, links: 1, slowest: [], room: undefined };
    return { ...sums, loopMs: 0.5, descriptors: { open: 40, limit: 1_024 } };
  }

  async trace({ last }: { readonly last: number }): Promise<readonly LinkTrace[]> {
    return [{ link: "south", stack: "trace:udp", peer: "there", count: last, events: [] }];
  }

  async depart(): Promise<Departed> {
    return { served: 3, stayed: 1 };
  }

  onEvent(listener: (event: PlaneEvent) => void): void {
    this.tell = listener;
  }

  onAudited(listener: (facts: AuditFacts) => void): void {
    this.audited = listener;
  }

  onRequest(handler: (request: HttpRequest) => Promise<HttpResponse>): void {
    this.request = handler;
  }

  onDirectory(handler: SocketHandler): void {
    this.directory = (socket) => handler(socket, "192.0.2.1");
  }

  onShell(handler: SocketHandler): void {
    this.shell = (socket) => handler(socket, "192.0.2.1");
  }

  #record(name: string): (...args: unknown[]) => Promise<void> {
    return async (...args) => void this.calls.push([name, ...args]);
  }
}

interface Rig {
  readonly fake: FakePlane;
  readonly plane: RemotePlane;
  readonly port: ServingPort;
  readonly lines: string[];
}

async function withRig(use: (rig: Rig) => Promise<void>): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const fake = new FakePlane();
  const lines: string[] = [];
  const log = {
    ...SILENT,
    warn: (message: string, fields?: LogFields) =>
      void lines.push(`${message} ${JSON.stringify(fields)}`),
  };
  servePlane(fake, port1 as ServingPort);
  const plane = new RemotePlane(port2 as CallingPort, { http: ADDRESS, udp: ADDRESS, log });
  try {
    await use({ fake, plane, port: port1 as ServingPort, lines });
  } finally {
    port1.close();
  }
}

function next<T>(register: (listener: (value: T) => void) => void): Promise<T> {
  return new Promise((resolve) => register(resolve));
}

test("every call reaches the plane with its arguments, and its result comes back", () =>
  withRig(async ({ fake, plane }) => {
    const bytes = new Uint8Array([1, 2, 3]);
    await plane.refuseChannel("news", "channel-unknown", "no");
    await plane.publishData("news", "text/plain", bytes);
    await plane.setGate({ hosts: ["a"], origins: [] });
    assert.deepEqual(fake.calls, [
      ["refuseChannel", "news", "channel-unknown", "no"],
      ["publishData", "news", "text/plain", bytes],
      ["setGate", { hosts: ["a"], origins: [] }],
    ]);
    assert.deepEqual(await plane.snapshot(), EMPTY);
  }));

test("a refusal keeps its code and all its parts on the way", () =>
  withRig(async ({ plane }) => {
    const options = {
      door: "rtp" as const,
      channel: "clip",
      input: "main",
      sourceName: "main",
      tracks: [],
      trusted: [],
      host: "127.0.0.1",
    };
    await assert.rejects(plane.openIngest(options), (error) => {
      assert.ok(error instanceof MeanderError);
      const { code, what, where, expected, next: advice } = error;
      assert.deepEqual(
        { code, what, where, expected, next: advice },
        {
          code: "port-in-use",
          what: "the port is taken",
          where: "127.0.0.1:5004",
          expected: "a free port",
          next: "choose another",
        },
      );
      return true;
    });
  }));

test("a bug in the plane arrives as an internal error with its stack trace", () =>
  withRig(async ({ plane }) => {
    await assert.rejects(
      plane.addRtpOutput({ channel: "clip", host: "127.0.0.1", tracks: [] }),
      (error) => {
        assert.ok(error instanceof MeanderError);
        assert.equal(error.code, "internal");
        assert.match(String(error.cause), /TypeError: a bug\n.*remote-plane\.test/s);
        return true;
      },
    );
  }));

test("events and log lines are transmitted", () =>
  withRig(async ({ fake, plane, port, lines }) => {
    const heard = next<PlaneEvent>((listener) => plane.onEvent(listener));
    portLog(port).child({ part: "links" }).warn("A link broke.", { peer: "north" });
    fake.tell({ type: "channel-wanted", channel: "clip" });
    assert.deepEqual(await heard, { type: "channel-wanted", channel: "clip" });
    assert.deepEqual(lines, ['A link broke. {"part":"links","peer":"north"}']);
  }));

const REQUEST: HttpRequest = {
  method: "PUT",
  target: "/channels/clip?input=main",
  headers: { host: "localhost" },
  body: new Uint8Array([7]),
  remoteAddress: "127.0.0.1",
};

test("requests are answered by the main thread, each with its own answer", () =>
  withRig(async ({ fake, plane }) => {
    plane.onRequest(async ({ target, body }) => {
      if (target === "/slow") await plane.snapshot();
      return { status: 201, headers: { "x-a": "b" }, body: `${target} ${body.join()}` };
    });
    const answers = await Promise.all([
      fake.request({ ...REQUEST, target: "/slow" }),
      fake.request(REQUEST),
    ]);
    assert.deepEqual(
      answers.map(({ body }) => body),
      ["/slow 7", "/channels/clip?input=main 7"],
    );
  }));

test("without a handler requests get 503, and a handler that throws gets 500 with a message", () =>
  withRig(async ({ fake, plane }) => {
    const early = await fake.request(REQUEST);
    assert.equal(early.status, 503);
    assert.match(String(early.body), /"code":"starting"/);
    plane.onRequest(() => Promise.reject(new Error("a bug")));
    const late = await fake.request(REQUEST);
    assert.equal(late.status, 500);
    assert.doesNotMatch(String(late.body), /a bug/);
  }));

test("a directory socket carries texts both ways and ends on both sides", () =>
  withRig(async ({ fake, plane }) => {
    const opened = next<MessageSocket>((listener) => plane.onDirectory(listener));
    let receive: (text: string) => void = () => {};
    let end: () => void = () => {};
    const sent: string[] = [];
    const closed = new Promise<void>((resolve) => {
      fake.directory({
        send: (text) => void sent.push(text),
        onMessage: (handler) => {
          receive = handler;
        },
        onClose: (handler) => {
          end = handler;
        },
        close: () => resolve(),
      });
    });
    const socket = await opened;
    const text = next<string>((listener) => socket.onMessage(listener));
    receive("hello");
    assert.equal(await text, "hello");
    socket.send("welcome");
    await plane.snapshot();
    assert.deepEqual(sent, ["welcome"]);
    const ended = next<void>((listener) => socket.onClose(() => listener()));
    socket.close();
    await closed;
    end();
    await ended;

    const again = next<MessageSocket>((listener) => plane.onDirectory(listener));
    fake.directory({
      send() {},
      onMessage() {},
      close() {},
      onClose: (handler) => {
        end = handler;
      },
    });
    const gone = next<void>(
      (listener) => void again.then((other) => other.onClose(() => listener())),
    );
    await again;
    end();
    await gone;
  }));

test("what the plane has judged arrives as it was", () =>
  withRig(async ({ fake, plane }) => {
    const facts: AuditFacts = {
      ...{ by: "anonymous", what: "channel.watch", on: "channel news", verdict: "denied" },
      ...{ rule: "token-required", count: 3 },
    };
    const told = next<AuditFacts>((listener) => plane.onAudited(listener));
    fake.audited(facts);
    assert.deepEqual(await told, facts);
  }));

test("sockets of shells and of the directory reach their own handlers", () =>
  withRig(async ({ fake, plane }) => {
    const silent = { send() {}, onMessage() {}, close() {}, onClose() {} };
    const came: string[] = [];
    const both = new Promise<void>((resolve) => {
      const take = (kind: string) => (): void => {
        if (came.push(kind) === 2) resolve();
      };
      plane.onShell(take("shell"));
      plane.onDirectory(take("directory"));
    });
    fake.shell(silent);
    fake.directory(silent);
    await both;
    assert.deepEqual(came, ["shell", "directory"]);
  }));

test("a socket without a handler is closed", () =>
  withRig(async ({ fake }) => {
    await next<void>((listener) =>
      fake.shell({ send() {}, onMessage() {}, close: () => listener(), onClose() {} }),
    );
  }));

test("when the plane is gone, open and later calls fail, sockets close, and `failed` settles", () =>
  withRig(async ({ fake, plane }) => {
    const opened = next<MessageSocket>((listener) => plane.onDirectory(listener));
    fake.directory({ send() {}, onMessage() {}, close() {}, onClose() {} });
    const ended = next<void>(
      (listener) => void opened.then((socket) => socket.onClose(() => listener())),
    );
    await opened;
    fake.snapshot = () => new Promise(() => {});
    const open = plane.snapshot();
    const gone = new MeanderError("plane-failed", "gone");
    plane.fail(gone);
    await assert.rejects(open, gone);
    await assert.rejects(plane.setLimits({ maxSubscribers: 1, maxBitsPerSecond: 1 }), gone);
    assert.equal(await plane.failed, gone);
    await ended;
  }));

test("after close() calls are refused, and close() is idempotent", () =>
  withRig(async ({ fake, plane }) => {
    await plane.close();
    await plane.close();
    assert.deepEqual(fake.calls, [["close"]]);
    await assert.rejects(plane.snapshot(), { code: "plane-closed" });
  }));
