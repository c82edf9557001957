import assert from "node:assert/strict";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { LIMITS, SILENT, SystemClock } from "../../base/index.ts";
import { HttpListener } from "./http-listener.ts";
import type { HttpRequest, HttpResponse } from "./messages.ts";

const GATE = { hosts: [], origins: ["http://127.0.0.1:7001"] };
const OK: HttpResponse = { status: 200, headers: { "content-type": "text/plain" }, body: "ok" };

async function withListener(
  handler: (request: HttpRequest) => Promise<HttpResponse>,
  use: (port: number, listener: HttpListener) => Promise<void>,
): Promise<void> {
  const options = { host: "127.0.0.1", port: 0, gate: GATE, clock: new SystemClock(), log: SILENT };
  await using listener = await HttpListener.open(options, {
    request: handler,
    upgrades: {
      "echo /link": ({ socket, head }) =>
        void socket.end(`HTTP/1.1 101 Yes\r\n\r\n${head.toString()}`),
    },
  });
  await use(listener.port, listener);
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request with any headers at all: fetch keeps some to itself. */
function send(
  port: number,
  options: { method?: string; path?: string; headers?: Record<string, string>; body?: Uint8Array },
): Promise<Answer> {
  const { method = "GET", path = "/", headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: "127.0.0.1", port, method, path, headers, agent: false },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

function sendRaw(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.setEncoding("utf8").on("data", (part: string) => {
      answer += part;
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", () => {});
  });
}

test("a request arrives whole, with its body and the address it came from", () =>
  withListener(
    async (request) => ({ ...OK, body: JSON.stringify({ ...request, body: [...request.body] }) }),
    async (port) => {
      const body = new Uint8Array([1, 2, 3]);
      const answer = await send(port, {
        method: "PUT",
        path: "/channels/a?b=c",
        headers: { "x-one": "1" },
        body,
      });
      const seen = JSON.parse(answer.body) as HttpRequest;
      assert.equal(seen.method, "PUT");
      assert.equal(seen.target, "/channels/a?b=c");
      assert.equal(seen.headers["x-one"], "1");
      assert.deepEqual(seen.body, [1, 2, 3]);
      assert.equal(seen.remoteAddress, "127.0.0.1");
      assert.equal(answer.headers["x-content-type-options"], "nosniff");
    },
  ));

test("a foreign Host or Origin gets 403 in words and never reaches the handler", () => {
  let reached = 0;
  return withListener(
    async () => {
      reached++;
      return OK;
    },
    async (port) => {
      const host = await send(port, { headers: { host: "evil.example" } });
      assert.equal(host.status, 403);
      assert.match(host.body, /"code":"host-refused".*"expected":/s);
      const origin = await send(port, { headers: { origin: "http://evil.example" } });
      assert.equal(origin.status, 403);
      assert.match(origin.body, /origin-refused/);
      assert.equal(origin.headers["access-control-allow-origin"], undefined);
      assert.equal(reached, 0);
    },
  );
});

test("a page of another site of the session gets CORS, preflight and all", () =>
  withListener(
    async () => OK,
    async (port) => {
      const headers = { origin: "http://127.0.0.1:7001" };
      const answer = await send(port, { headers });
      assert.equal(answer.headers["access-control-allow-origin"], "http://127.0.0.1:7001");
      assert.match(answer.headers.vary ?? "", /Origin/);
      const preflight = await send(port, { method: "OPTIONS", headers });
      assert.equal(preflight.status, 204);
      assert.match(preflight.headers["access-control-allow-methods"] ?? "", /PUT/);
    },
  ));

test("who is let in changes while it runs", () =>
  withListener(
    async () => OK,
    async (port, listener) => {
      const headers = { host: "relay.example" };
      assert.equal((await send(port, { headers })).status, 403);
      listener.setGate({ hosts: ["relay.example"], origins: [] });
      assert.equal((await send(port, { headers })).status, 200);
    },
  ));

test("a body at the bound is taken, one above it gets 413, told or not how long it is", () =>
  withListener(
    async ({ body }) => ({ ...OK, body: `${body.byteLength}` }),
    async (port) => {
      const most = await send(port, { method: "PUT", body: new Uint8Array(LIMITS.bodyBytesMax) });
      assert.equal(most.body, `${LIMITS.bodyBytesMax}`);
      const told = await sendRaw(
        port,
        `PUT / HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${LIMITS.bodyBytesMax + 1}\r\nconnection: close\r\n\r\n`,
      );
      assert.match(told, /^HTTP\/1\.1 413 .*body-too-large/s);
      const size = LIMITS.bodyBytesMax + 1;
      const chunk = `${size.toString(16)}\r\n${"x".repeat(size)}\r\n0\r\n\r\n`;
      const untold = await sendRaw(
        port,
        `PUT / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n${chunk}`,
      );
      assert.match(untold, /^HTTP\/1\.1 413 /);
    },
  ));

test("a handler that fails is answered with 500, without the reason", () =>
  withListener(
    () => Promise.reject(new Error("a secret")),
    async (port) => {
      const answer = await send(port, {});
      assert.equal(answer.status, 500);
      assert.doesNotMatch(answer.body, /secret/);
    },
  ));

test("bytes that are no request get 400 and disturb nothing", () =>
  withListener(
    async () => OK,
    async (port) => {
      assert.match(await sendRaw(port, "\x16\x03\x01garbage\r\n\r\n"), /^HTTP\/1\.1 400 /);
      assert.equal((await send(port, {})).status, 200);
    },
  ));

test("upgrades go by path and protocol, and pass the same gate", () =>
  withListener(
    async () => OK,
    async (port) => {
      const upgrade = (path: string, protocol: string, host = "localhost"): Promise<string> =>
        sendRaw(
          port,
          `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: upgrade\r\nupgrade: ${protocol}\r\n\r\nhead`,
        );
      assert.match(await upgrade("/link?x=1", "Echo"), /^HTTP\/1\.1 101 Yes\r\n\r\nhead$/);
      assert.match(
        await upgrade("/other", "echo"),
        /^HTTP\/1\.1 404 .*upgrade-unknown.*echo \/link/s,
      );
      assert.match(await upgrade("/link", "constructor"), /^HTTP\/1\.1 404 /);
      assert.match(
        await upgrade("/link", "echo", "evil.example"),
        /^HTTP\/1\.1 403 .*host-refused/s,
      );
    },
  ));

test("a taken port is told with where and what to do", () =>
  withListener(
    async () => OK,
    async (port) => {
      const options = {
        host: "127.0.0.1",
        port,
        gate: GATE,
        clock: new SystemClock(),
        log: SILENT,
      };
      const opening = HttpListener.open(options, { request: async () => OK, upgrades: {} });
      await assert.rejects(opening, {
        code: "port-in-use",
        where: `127.0.0.1:${port}`,
        next: /--http-port/,
      });
    },
  ));
