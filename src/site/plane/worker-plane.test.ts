import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { SILENT } from "../../base/index.ts";
import { openWorkerPlane } from "./worker-plane.ts";

const OPTIONS = { host: "127.0.0.1", httpPort: 0, gate: { hosts: [], origins: [] } };

test("a plane opens in its thread and answers, and the thread ends with it", async () => {
  const plane = await openWorkerPlane(OPTIONS, { log: SILENT });
  assert.ok(plane.http.port > 0 && plane.udp.port > 0);
  assert.deepEqual((await plane.snapshot()).channels, []);
  plane.onRequest(async ({ target }) => ({
    status: 200,
    headers: {},
    body: `asked for ${target}`,
  }));
  const answer = await fetch(`http://127.0.0.1:${plane.http.port}/somewhere?x=1`);
  assert.equal(await answer.text(), "asked for /somewhere?x=1");
  await plane.close();
  await assert.rejects(fetch(`http://127.0.0.1:${plane.http.port}/`));
});

test("the error that prevents a plane from opening arrives with all its parts", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const opening = openWorkerPlane({ ...OPTIONS, httpPort: port }, { log: SILENT });
  await assert.rejects(opening, {
    code: "port-in-use",
    where: `127.0.0.1:${port}`,
    next: /--http-port/,
  });
  server.close();
});
