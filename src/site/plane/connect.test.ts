import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { WebSocket } from "ws";
import { LIMITS, SILENT, SystemClock } from "../../base/index.ts";
import { connect } from "../../client/index.ts";
import { connect as connectInBrowser, ShellServer } from "../../session/shell/index.ts";
import { FakeShellPort } from "../../session/shell/shell.test.support.ts";
import { LocalPlane } from "./local-plane.ts";
import type { Plane } from "./plane.ts";
import { openWorkerPlane } from "./worker-plane.ts";

const OPTIONS = { host: "127.0.0.1", httpPort: 0, gate: { hosts: [], origins: [] } };
const clock = new SystemClock();

interface Rig {
  readonly url: string;
  readonly plane: Plane;
  readonly server: ShellServer;
  readonly ports: FakeShellPort[];
}

async function withPlane(
  use: (rig: Rig) => Promise<void>,
  open: () => Promise<Plane> = () => LocalPlane.open(OPTIONS, { clock, log: SILENT }),
): Promise<void> {
  const plane = await open();
  const ports: FakeShellPort[] = [];
  const server = new ShellServer(
    ({ name }) => {
      const port = new FakeShellPort(clock, name);
      ports.push(port);
      return port;
    },
    { clock, log: SILENT },
  );
  plane.onShell((socket) => server.accept(socket));
  try {
    await use({ url: `http://127.0.0.1:${plane.http.port}`, plane, server, ports });
  } finally {
    await server.close();
    await plane.close();
  }
}

const PLANES: Readonly<Record<string, () => Promise<Plane>>> = {
  "in this thread": () => LocalPlane.open(OPTIONS, { clock, log: SILENT }),
  "in a thread of its own": () => openWorkerPlane(OPTIONS, { log: SILENT }),
};

for (const [where, open] of Object.entries(PLANES)) {
  test(`a shell works over a WebSocket of a plane ${where}, and is detached when it leaves`, () =>
    withPlane(async ({ url, ports }) => {
      const shell = await connect(url, { name: "tester" });
      assert.deepEqual([shell.name, shell.site], ["tester", "north"]);
      const foo = await shell.createStream("foo");
      const events = shell.events({ types: ["consumed"] });
      const value = { map: new Map([["a", new Uint8Array(300_000)]]) };
      const { reply } = await foo.append(value, { until: "consumed" });
      assert.deepEqual(reply, [value]);
      const { value: event } = await events.next();
      assert.ok(event?.type === "consumed" && event.message === "tester>foo#1");
      await Promise.all(Array.from({ length: 1_000 }, (_, index) => foo.append(index)));
      assert.deepEqual(
        ports[0]?.consumed("foo").slice(1),
        Array.from({ length: 1_000 }, (_, index) => index),
      );
      await shell.close();
      assert.equal(await ports[0]?.closed, undefined);
    }, open));
}

test("a shell works over the platform's WebSocket too", () =>
  withPlane(async ({ url }) => {
    const platform = globalThis as { WebSocket?: unknown };
    const before = Object.getOwnPropertyDescriptor(platform, "WebSocket");
    Object.defineProperty(platform, "WebSocket", { value: WebSocket, configurable: true });
    try {
      const shell = await connectInBrowser(url);
      await shell.createStream("foo");
      assert.deepEqual((await shell.append("foo", 1, { until: "consumed" })).reply, [1]);
      await shell.close();
      await assert.rejects(connectInBrowser("http://127.0.0.1:9"), { code: "site-unreachable" });
      Object.defineProperty(platform, "WebSocket", { value: undefined, configurable: true });
      await assert.rejects(connectInBrowser(url), { code: "site-unreachable" });
    } finally {
      if (before === undefined) delete platform.WebSocket;
      else Object.defineProperty(platform, "WebSocket", before);
    }
  }));

test("when its site ends, a shell reports it and its calls fail", () =>
  withPlane(async ({ url, server, ports }) => {
    const shell = await connect(url);
    const sleeping = assert.rejects(shell.sleep(60_000), { code: "shell-disconnected" });
    assert.equal(server.shellCount, 1);
    ports[0]?.fail(new Error("gone"));
    await sleeping;
    assert.match(String(await shell.closed), /it closed the connection/);
  }));

test("a starting site refuses shells with a message, and a port without a site is an error", async () => {
  const plane = await LocalPlane.open(OPTIONS, { clock, log: SILENT });
  const url = `http://127.0.0.1:${plane.http.port}`;
  await assert.rejects(connect(url), {
    code: "shell-refused",
    message: /the site is starting; try again in a second/,
    where: `${url.replace("http", "ws")}/shell`,
  });
  await plane.close();
  await assert.rejects(connect(url), { code: "site-unreachable", message: /connection refused/ });
});

test("a server that is not a Meander site is an error, whatever it answers", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end("HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nhello");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await assert.rejects(connect(`http://127.0.0.1:${port}`), {
    code: "shell-refused",
    message: /status 404/,
  });
  server.close();
});

test("foreign pages, binary messages and large messages are refused", () =>
  withPlane(async ({ url, server }) => {
    const address = `${url.replace("http", "ws")}/shell`;
    const strange = new WebSocket(address, { origin: "http://evil.example" });
    const [error] = (await once(strange, "error")) as [Error];
    assert.match(error.message, /403/);
    assert.equal(server.shellCount, 0);
    const large = " ".repeat(LIMITS.shellMessageBytesMax + 1);
    for (const bytes of [new Uint8Array([1]), large]) {
      const socket = new WebSocket(address);
      socket.on("error", () => {});
      await once(socket, "open");
      socket.send(bytes);
      await once(socket, "close");
    }
    const shell = await connect(url);
    assert.deepEqual(await shell.sites(), ["north", "south"]);
    await shell.close();
  }));
