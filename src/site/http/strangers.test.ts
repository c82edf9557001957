import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { LIMITS, MeanderError, SILENT, VirtualClock } from "../../base/index.ts";
import { HttpListener } from "./http-listener.ts";
import { errorResponse, type HttpHead, type HttpRequest } from "./messages.ts";

const GATE = { hosts: [], origins: [] };
const HOST = "Host: localhost\r\n";
const TOKEN = "Authorization: Bearer good\r\n";

/** A listener where `Bearer good` shows who one is, and who may not `PUT /denied`. */
class Rig implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly requests: HttpRequest[] = [];
  /** Settles the answers that wait. */
  readonly held: (() => void)[] = [];
  readonly greeted: (() => void)[] = [];
  readonly #callers: Caller[] = [];
  #listener: HttpListener | undefined;

  static async open(): Promise<Rig> {
    const rig = new Rig();
    const { clock } = rig;
    const where = { host: "127.0.0.1", port: 0, gate: GATE, clock, log: SILENT };
    rig.#listener = await HttpListener.open(where, {
      request: (request) => rig.#answer(request),
      strangerness: ({ headers }: HttpHead) =>
        headers["authorization"] === "Bearer good"
          ? undefined
          : new MeanderError("token-required", "this site requires a token"),
      judge: async ({ target }) =>
        target === "/denied"
          ? errorResponse(403, new MeanderError("token-denied", "not with that one"))
          : undefined,
      upgrades: {
        "echo /socket": ({ socket, known }) => {
          rig.greeted.push(known);
          socket.write("HTTP/1.1 101 Yes\r\n\r\n");
          socket.on("data", () => {});
        },
      },
    });
    return rig;
  }

  get listener(): HttpListener {
    return this.#listener as HttpListener;
  }

  async #answer(request: HttpRequest) {
    this.requests.push(request);
    if (request.target === "/slow") await new Promise<void>((resolve) => this.held.push(resolve));
    return { status: 200, headers: {}, body: `${request.body.byteLength} bytes` };
  }

  caller(...words: readonly string[]): Caller {
    const caller = new Caller(this.listener.port, words);
    this.#callers.push(caller);
    return caller;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const settle of this.held) settle();
    // The clock stands still: what is open would have no end.
    for (const { socket } of this.#callers) socket.destroy();
    await this.listener[Symbol.asyncDispose]();
  }
}

/** One connection. */
class Caller {
  readonly socket: Socket;
  heard = "";
  isClosed = false;
  readonly closed: Promise<void>;

  constructor(port: number, words: readonly string[]) {
    this.socket = connect(port, "127.0.0.1", () => {
      for (const each of words) this.socket.write(each);
    });
    this.socket.setEncoding("utf8").on("data", (text: string) => {
      this.heard += text;
    });
    this.socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      this.socket.on("close", () => {
        this.isClosed = true;
        resolve();
      });
    });
  }

  async hears(words: RegExp): Promise<void> {
    await until(() => words.test(this.heard));
  }
}

async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; !isSo(); turn++) {
    assert.ok(turn < 20_000, "it happens");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("[A23] a stranger's body is not read: the answer comes before it", async () => {
  await using rig = await Rig.open();
  const caller = rig.caller(`POST /api/x HTTP/1.1\r\n${HOST}Content-Length: 1000000\r\n\r\n`);
  await caller.closed;
  assert.match(caller.heard, /^HTTP\/1\.1 401 .*www-authenticate: Bearer.*token-required/s);
  const chunked = rig.caller(`PUT /x HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nab`);
  await chunked.closed;
  assert.match(chunked.heard, /^HTTP\/1\.1 401 /);
  assert.equal(rig.requests.length, 0);
});

test("[A23] a member's body is read when what it asks for is allowed, and when it is announced, then", async () => {
  await using rig = await Rig.open();
  const length = "Content-Length: 5\r\n";
  const denied = rig.caller(`PUT /denied HTTP/1.1\r\n${HOST}${TOKEN}${length}\r\n`);
  await denied.closed;
  assert.match(denied.heard, /^HTTP\/1\.1 403 .*token-denied/s);
  const patient = rig.caller(
    `PUT /x HTTP/1.1\r\n${HOST}${TOKEN}${length}Expect: 100-continue\r\n\r\n`,
  );
  await patient.hears(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  patient.socket.write("hello");
  await patient.hears(/5 bytes$/);
  const refused = rig.caller(
    `PUT /denied HTTP/1.1\r\n${HOST}${TOKEN}${length}Expect: 100-continue\r\n\r\n`,
  );
  await refused.closed;
  assert.match(refused.heard, /^HTTP\/1\.1 403 /, "it was never told to go on");
  assert.equal(rig.requests.length, 1);
});

test("[A21] who says nothing, half a head, or no greeting, is cut within its time", async () => {
  await using rig = await Rig.open();
  const mute = rig.caller();
  const half = rig.caller(`GET / HTTP/1.1\r\n${HOST}`);
  const upgrade = `GET /socket HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: echo\r\n\r\n`;
  const [silent, greeting] = [rig.caller(upgrade), rig.caller(upgrade)];
  await until(() => rig.greeted.length === 2 && rig.listener.strangerCount === 4);
  rig.clock.advance(LIMITS.strangerMs - 500);
  // Which of the two came first is chance.
  rig.greeted[0]?.();
  rig.clock.advance(1_000);
  await Promise.all([mute.closed, half.closed]);
  await until(() => silent.isClosed !== greeting.isClosed);
  rig.clock.advance(60_000);
  assert.equal(silent.isClosed && greeting.isClosed, false, "who has greeted stays");
  assert.equal(rig.listener.counts.get("door-late"), 3);
});

test("[A22] a member's body that comes too slowly is cut", async () => {
  await using rig = await Rig.open();
  const caller = rig.caller(`PUT /x HTTP/1.1\r\n${HOST}${TOKEN}Content-Length: 1000\r\n\r\nab`);
  await until(() => rig.listener.connectionCount === 1 && rig.listener.strangerCount === 0);
  for (let step = 0; step < 20 && !caller.isClosed; step++) {
    rig.clock.advance(500);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await caller.closed;
  assert.equal(rig.listener.counts.get("door-body-slow"), 1);
});

test("[A24] strangers that wait for answers take no place of members", async () => {
  await using rig = await Rig.open();
  const slow = `GET /slow HTTP/1.1\r\n${HOST}\r\n`;
  Array.from({ length: LIMITS.strangerRequestsMax }, () => rig.caller(slow));
  await until(() => rig.held.length === LIMITS.strangerRequestsMax);
  const stranger = rig.caller(slow);
  await stranger.hears(/503 .*overloaded/s);
  const member = rig.caller(`GET / HTTP/1.1\r\n${HOST}${TOKEN}\r\n`);
  await member.hears(/200 OK/);
  assert.equal(rig.listener.counts.get("door-requests-full"), 1);
});

test("[A22] bodies that never end keep no other request from its answer", async () => {
  await using rig = await Rig.open();
  const half = `PUT /x HTTP/1.1\r\n${HOST}${TOKEN}Content-Length: 9\r\n\r\nab`;
  const callers = Array.from({ length: LIMITS.requestsMax + 20 }, () => rig.caller(half));
  await until(() => callers.filter(({ isClosed }) => isClosed).length === 20);
  for (const words of [
    `GET / HTTP/1.1\r\n${HOST}${TOKEN}\r\n`,
    `PUT /x HTTP/1.1\r\n${HOST}${TOKEN}Content-Length: 2\r\n\r\nab`,
  ]) {
    await rig.caller(words).hears(/200 OK/);
  }
  assert.equal(rig.listener.counts.get("door-crowded"), 21);
});

test("[A24] an address asks only so often without a token", async () => {
  await using rig = await Rig.open();
  const most = LIMITS.strangerRequestRateMax * LIMITS.loopbackShare;
  const get = `GET / HTTP/1.1\r\n${HOST}\r\n`;
  const caller = rig.caller();
  for (let sent = 0; sent < most; sent += 10) {
    caller.socket.write(get.repeat(10));
    await until(() => rig.requests.length === sent + 10);
  }
  caller.socket.write(get);
  await caller.hears(/429 .*requests-throttled/s);
  const member = rig.caller(`GET / HTTP/1.1\r\n${HOST}${TOKEN}\r\n`);
  await member.hears(/200 OK/);
  rig.clock.advance(1_000);
  rig.caller(get);
  await until(() => rig.requests.length === most + 2);
});

test("[A22] requests sent ahead of their answers are bounded", async () => {
  await using rig = await Rig.open();
  const ahead = `GET /slow HTTP/1.1\r\n${HOST}${TOKEN}\r\n`.repeat(
    LIMITS.connectionRequestsMax + 1,
  );
  const caller = rig.caller(ahead);
  await caller.closed;
  assert.equal(rig.listener.counts.get("door-requests-many"), 1);
});

test("[A23] two hosts in one request are refused, in whatever way", async () => {
  await using rig = await Rig.open();
  for (const head of [
    `GET / HTTP/1.1\r\n${HOST}Host: evil.example\r\n`,
    `GET http://evil.example/ HTTP/1.1\r\n${HOST}`,
  ]) {
    const caller = rig.caller(`${head}${TOKEN}\r\n`);
    await caller.hears(/^HTTP\/1\.1 400 .*request-invalid/s);
  }
  assert.equal(rig.requests.length, 0);
});
