import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { MeanderError } from "../../src/base/index.ts";
import { SiteClient } from "../../src/site/index.ts";
import {
  clientAt,
  codeOf,
  GuardedSession,
  HOUR,
  noAddress,
  publishMessages,
} from "../support/guarded-session.ts";
import { credentialsAt, OUTSIDE } from "../support/secure-session.ts";
import { Viewer } from "../support/viewer.ts";
import { until } from "../support/wait.ts";

const guarded = GuardedSession.use();

test("TLS: the client decides whom to trust, and an error shows the fingerprint that came", {
  skip: noAddress,
}, async () => {
  const { port } = new URL(guarded.north.url);
  const admin = guarded.secrets[0];
  const cert = join(guarded.session.folder, "north", "tls-cert.pem");
  const ca = await readFile(cert, "utf8");
  assert.equal(
    await codeOf(new SiteClient(guarded.north.url, { token: admin }).session()),
    "tls-untrusted",
  );
  const wrong = { fingerprint: "ab".repeat(32) };
  const mismatch = await new SiteClient(guarded.north.url, { token: admin, trust: wrong })
    .session()
    .catch((error: unknown) => error as MeanderError);
  assert.ok(mismatch instanceof Error && "code" in mismatch);
  assert.equal(mismatch.code, "tls-fingerprint-wrong");
  assert.match(
    mismatch.message.replaceAll(":", "").toLowerCase(),
    new RegExp(guarded.north.tls?.fingerprint ?? "-"),
  );
  const byAuthority = new SiteClient(guarded.north.url, { token: admin, trust: { ca } });
  assert.equal(await codeOf(byAuthority.session()), "granted");
  const misnamed = new SiteClient(`https://127.0.0.2:${port}`, { token: admin, trust: { ca } });
  assert.equal(await codeOf(misnamed.session()), "tls-name-wrong");
  const plain = await guarded.session.verb([
    "sites",
    "--json",
    "--site",
    `http://${OUTSIDE}:${port}`,
  ]);
  assert.match(plain.stderr, /"code":"tls-required"/);
  assert.equal(await codeOf(new SiteClient(`http://${OUTSIDE}:${port}`).health()), "tls-required");
  const spoken = await Viewer.open(`http://127.0.0.1:${port}`, "x").catch(
    (error: unknown) => error,
  );
  assert.equal((spoken as MeanderError).code, "tls-required");
});

test("connections that send nothing, or garbage, and close do not harm a site with TLS", {
  skip: noAddress,
}, async () => {
  const { hostname, port } = new URL(guarded.north.url);
  const words = [
    "",
    "\x16\x03\x01",
    "GET / HTTP/1.1\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00garbage\r\n\r\n",
  ];
  const ends = Array.from({ length: 400 }, (_, index) => {
    const socket = connectSocket(Number(port), hostname);
    return new Promise<void>((resolve) => {
      socket.on("error", () => {});
      socket.on("close", () => resolve());
      socket.on("connect", () => {
        socket.write(words[index % words.length] ?? "");
        setTimeout(() => (index % 2 === 0 ? socket.destroy() : socket.end()), 20);
      });
      socket.resume();
      setTimeout(() => socket.destroy(), 3_000).unref();
    });
  });
  await Promise.all(ends);
  assert.equal((await clientAt(guarded.north).health()).status, "ok");
});

test("sites link over TLS by TCP and by WebSocket, each trusting the fingerprint in the directory", {
  skip: noAddress,
}, async () => {
  const studio = await guarded.tokenFor({ can: ["publish", "watch"], channels: ["sports/*"] });
  const publisher = await publishMessages(guarded.north, "sports/l", studio.text);
  const administrator = clientAt(guarded.south, guarded.secrets[0]);
  try {
    for (const stack of ["tcp", "websocket"]) {
      await administrator.setRoutes({ stack });
      using viewer = await Viewer.open(
        guarded.south.url,
        "sports/l",
        "x",
        credentialsAt(guarded.south, studio.text),
      );
      await until(`messages over ${stack}`, () => viewer.messages.length > 2);
      const { snapshot } = await administrator.site();
      const links = snapshot.peers.filter(
        (link) => link.name === "north" && link.stack.includes(stack),
      );
      assert.equal(links[0]?.state, "open", stack);
    }
  } finally {
    await administrator.setRoutes({});
    await publisher.close();
  }
});

test("a new certificate is served without ending a connection, and the session learns of it", {
  skip: noAddress,
}, async () => {
  const admin = guarded.secrets[0] ?? "";
  const studio = await guarded.tokenFor({ can: ["publish", "watch"], channels: ["sports/e"] });
  const publisher = await publishMessages(guarded.north, "sports/e", studio.text);
  using viewer = await Viewer.open(
    guarded.south.url,
    "sports/e",
    "frank",
    credentialsAt(guarded.south, studio.text),
  );
  await until("messages", () => viewer.messages.length > 3);
  const files = ["tls-cert.pem", "tls-key.pem"].map((file) =>
    join(guarded.session.folder, "south", file),
  );
  const [cert = "", key = ""] = files;
  const { makeSelfSigned } = await import("../../src/site/tls/self-signed.ts");
  const now = Date.now();
  const names = [OUTSIDE ?? "", "localhost", "127.0.0.1", "::1"];
  const made = await makeSelfSigned({ names, validFrom: now, validTo: now + 100 * 24 * HOUR });
  await writeFile(key, made.key, { mode: 0o600 });
  await writeFile(cert, made.cert);
  guarded.south.running.child.kill("SIGHUP");
  await until("the session knows it", async () => {
    const { sites } = await guarded.boss.session();
    const { tls } = sites.find(({ name }) => name === "south") ?? {};
    if (tls === undefined || tls.fingerprint === guarded.south.tls?.fingerprint) return false;
    const now = { token: admin, trust: tls };
    return (await codeOf(new SiteClient(guarded.south.url, now).health())) === "granted";
  });
  assert.equal(await codeOf(clientAt(guarded.south, admin).health()), "tls-fingerprint-wrong");
  const count = viewer.messages.length;
  await until("more messages for the viewer", () => viewer.messages.length > count + 3);
  assert.equal(viewer.states.filter(({ type }) => type === "lost").length, 0);
  await publisher.close();
});

guarded.testSecrets();
