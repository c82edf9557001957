import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";
import { SILENT, SystemClock } from "../../base/index.ts";
import { ORIGIN_REFUSED_CLOSE } from "../../wire/index.ts";
import { parseAllowedOrigin } from "./allowed-origins.ts";
import { HttpListener } from "./http-listener.ts";

const PAGE = "https://a.example";

/** A local site that allows pages of {@link PAGE} to load its script, and whatever `more` says. */
async function withSite(
  use: (at: string) => Promise<void>,
  ...more: readonly string[]
): Promise<void> {
  const allowed = [`script=${PAGE}`, ...more].map((each) => parseAllowedOrigin(each));
  const gate = { hosts: [], origins: [], allowed, local: true };
  const options = { host: "127.0.0.1", port: 0, gate, clock: new SystemClock(), log: SILENT };
  await using listener = await HttpListener.open(options, {
    request: async () => ({ status: 200, headers: {}, body: "ok" }),
    upgrades: { "websocket /link": ({ socket }) => void socket.end("HTTP/1.1 418 Linked\r\n\r\n") },
  });
  await use(`127.0.0.1:${listener.port}`);
}

function ask(url: string, origin: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { ...init, headers: { origin, ...init.headers } });
}

/** How a page's attempt at a link ends: a close code, or the status of the handshake. */
function link(at: string, origin: string): Promise<number | string> {
  const socket = new WebSocket(`ws://${at}/link`, { origin });
  return new Promise((resolve) => {
    socket.on("unexpected-response", (_request, { statusCode }) => resolve(`HTTP ${statusCode}`));
    socket.on("close", (code) => resolve(code));
    socket.on("error", () => {});
  });
}

test("[A19] the origin is repeated to pages that are allowed, and to no other", () =>
  withSite(async (at) => {
    const script = await ask(`http://${at}/meander-player.js`, PAGE);
    assert.equal(script.status, 200);
    assert.equal(script.headers.get("access-control-allow-origin"), PAGE);
    assert.equal(script.headers.get("access-control-allow-credentials"), null);
    assert.match(script.headers.get("vary") ?? "", /Origin/);
    for (const [path, origin] of [
      ["/meander-player.js", "https://b.example"],
      ["/api/session", PAGE],
      ["/api/session", "http://localhost:5173"],
    ] as const) {
      const refused = await ask(`http://${at}${path}`, origin);
      assert.equal(refused.status, 403, `${path} ${origin}`);
      assert.equal(refused.headers.get("access-control-allow-origin"), null);
      assert.match(refused.headers.get("vary") ?? "", /Origin/);
    }
  }));

test("[A19] a preflight is answered to allowed pages, also into a private network", () =>
  withSite(async (at) => {
    const preflight = (origin: string, headers: Record<string, string> = {}): Promise<Response> =>
      ask(`http://${at}/meander-player.js`, origin, { method: "OPTIONS", headers });
    const plain = await preflight(PAGE);
    assert.equal(plain.status, 204);
    assert.equal(plain.headers.get("access-control-allow-private-network"), null);
    const network = { "access-control-request-private-network": "true" };
    const within = await preflight(PAGE, network);
    assert.equal(within.headers.get("access-control-allow-private-network"), "true");
    assert.match(within.headers.get("vary") ?? "", /Origin/);
    const refused = await preflight("https://b.example", network);
    assert.equal(refused.status, 403);
    assert.equal(refused.headers.get("access-control-allow-private-network"), null);
  }));

test("[A20] a page that is not allowed to link is told so by the close code, and gets no further", () =>
  withSite(async (at) => {
    assert.equal(await link(at, PAGE), ORIGIN_REFUSED_CLOSE, "the script alone is allowed");
    assert.equal(await link(at, "null"), ORIGIN_REFUSED_CLOSE);
    assert.equal(await link(at, "http://localhost:5173"), "HTTP 418", "a local page is allowed");
    assert.equal(await link(at, `http://${at}`), "HTTP 418", "its own page is allowed");
  }));

test("[A18] a page that is allowed to link may, and may still not use the API", () =>
  withSite(
    async (at) => {
      assert.equal(await link(at, "https://b.example"), "HTTP 418");
      assert.equal((await ask(`http://${at}/api/session`, "https://b.example")).status, 403);
      assert.equal((await ask(`http://${at}/api/session`, "https://c.example")).status, 200);
      assert.equal(await link(at, "https://c.example"), ORIGIN_REFUSED_CLOSE);
    },
    "link=https://b.example",
    "api=https://c.example",
  ));
