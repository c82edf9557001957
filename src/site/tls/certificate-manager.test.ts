import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { LIMITS, type LogFields, SILENT, SystemClock, VirtualClock } from "../../base/index.ts";
import { trustOf } from "../../client/index.ts";
import { connectTls, TcpTransport, WebSocketTransport } from "../../transport/index.ts";
import { HttpListener } from "../http/http-listener.ts";
import { readCertificate } from "./certificate.ts";
import { CertificateManager, type CertificateManagerOptions } from "./certificate-manager.ts";
import { makeSelfSigned } from "./self-signed.ts";
import { completeTls } from "./tls-settings.ts";

const DAY = 86_400_000;
const NAMES = ["north.example", "127.0.0.1", "::1", "2001:db8::7", "localhost"];
const clock = new SystemClock();

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-tls-"));
});
after(() => rm(folder, { recursive: true }));

function make(days = 90): ReturnType<typeof makeSelfSigned> {
  const now = clock.wall();
  return makeSelfSigned({ names: NAMES, validFrom: now, validTo: now + days * DAY });
}

function auto(name: string, names = NAMES): CertificateManagerOptions["source"] {
  return { type: "auto", folder: join(folder, name), names };
}

test("[A14] a self-signed certificate is for its names and addresses, and its key is its own", async () => {
  const { certificate } = readCertificate(await make(), "here", clock);
  assert.equal(certificate.checkHost("north.example", { subject: "never" }), "north.example");
  assert.equal(certificate.checkHost("south.example", { subject: "never" }), undefined);
  for (const address of ["127.0.0.1", "::1", "2001:db8::7"])
    assert.ok(certificate.checkIP(address));
  assert.equal(certificate.checkIP("127.0.0.2"), undefined);
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  assert.equal(certificate.ca, false);
  assert.ok(certificate.verify(certificate.publicKey));
});

test("[A14] it is generated once, readable only by its owner, and again when a name is missing or it is about to expire", async () => {
  const virtual = new VirtualClock(0, clock.wall());
  const open = async (names = NAMES): Promise<string> => {
    const desk = await CertificateManager.open({
      source: auto("own", names),
      clock: virtual,
      log: SILENT,
    });
    desk.close();
    return desk.current.fingerprint;
  };
  const first = await open();
  assert.equal(await open(), first);
  for (const file of ["tls-key.pem", "tls-cert.pem"])
    assert.equal((await stat(join(folder, "own", file))).mode & 0o077, 0);
  const more = await open([...NAMES, "south.example"]);
  assert.notEqual(more, first);
  virtual.advance(360 * DAY);
  assert.equal(await open(), more);
  virtual.advance(10 * DAY);
  assert.notEqual(await open(), more);
});

test("[A15] a changed file is noticed, told once, and one that is wrong changes nothing", async () => {
  const virtual = new VirtualClock(0, clock.wall());
  const lines: string[] = [];
  const note = (message: string, fields?: LogFields): void =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log = { ...SILENT, info: note, error: note };
  const [cert, key] = [join(folder, "site.crt"), join(folder, "site.key")];
  const write = async (pair: { cert: string; key: string }): Promise<void> => {
    await writeFile(cert, pair.cert);
    await writeFile(key, pair.key);
  };
  const [one, two] = [await make(), await make()];
  await write(one);
  const desk = await CertificateManager.open({
    source: { type: "files", cert, key },
    clock: virtual,
    log,
  });
  const told: string[] = [];
  desk.onChange(({ fingerprint }) => told.push(fingerprint));
  const first = desk.current.fingerprint;
  await desk.reload();
  await write({ cert: two.cert, key: one.key });
  await desk.reload();
  await desk.reload();
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /the previous one stays in use.*the key is not the certificate's/);
  assert.equal(desk.current.fingerprint, first);
  await write(two);
  virtual.advance(LIMITS.certificateLookMs);
  await desk.reload();
  assert.deepEqual(told, [readCertificate(two, "", clock).fingerprint]);
  desk.close();
});

test("what is no certificate, no key, or no pair of them is told without the key's text", async () => {
  const { cert, key } = await make();
  const other = await make();
  const expired = await makeSelfSigned({ names: NAMES, validFrom: 0, validTo: DAY });
  const pairs = [
    [{ cert: "no certificate", key }, /no certificate/],
    [{ cert, key: "no key" }, /no private key/],
    [{ cert, key: other.key }, /not the certificate's/],
    [expired, /expired on/],
  ] as const;
  for (const [pair, message] of pairs) {
    assert.throws(() => readCertificate(pair, "cert.pem, key.pem", clock), {
      code: "certificate-invalid",
      message,
    });
  }
  const missing = { type: "files", cert: join(folder, "none"), key: join(folder, "none") } as const;
  await assert.rejects(CertificateManager.open({ source: missing, clock, log: SILENT }), {
    code: "certificate-invalid",
    where: missing.cert,
  });
});

test("settings that do not fit together are refused", () => {
  const about = { names: ["north.example", "0.0.0.0"], data: "data" };
  const { tls } = completeTls({ tls: "auto" }, about);
  assert.ok(tls?.type === "auto");
  assert.deepEqual(tls.names, ["north.example", "localhost", "127.0.0.1", "::1"]);
  for (const settings of [
    { tlsCert: "a" },
    { tlsKey: "a" },
    { tls: "auto" as const, tlsCert: "a", tlsKey: "b" },
  ])
    assert.throws(() => completeTls(settings, about), { code: "config-invalid" });
  assert.equal(completeTls({}, about).tls, undefined);
  assert.throws(() => trustOf({ fingerprint: "abc" }), { code: "config-invalid" });
  assert.throws(() => trustOf({ ca: join(folder, "nothing") }), { code: "config-invalid" });
});

async function withListener(
  use: (at: {
    readonly port: number;
    readonly listener: HttpListener;
    fingerprint: string;
    cert: string;
  }) => Promise<void>,
): Promise<void> {
  const tls = await make();
  const { fingerprint } = readCertificate(tls, "", clock);
  const gate = { hosts: ["north.example"], origins: [] };
  await using listener = await HttpListener.open(
    { host: "127.0.0.1", port: 0, gate, tls, clock, log: SILENT },
    {
      request: async ({ target, remoteAddress }) => ({
        ...{ status: 200, headers: { "content-type": "text/plain" } },
        body: `${target} ${remoteAddress}`,
      }),
      upgrades: {},
    },
  );
  await use({ port: listener.port, listener, fingerprint, cert: tls.cert });
}

function get(socket: TLSSocket, path: string): Promise<string> {
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  return once(socket, "data").then(([bytes]) => String(bytes));
}

test("[A13] a listener with TLS answers over it, and tells who speaks plain HTTP", () =>
  withListener(async ({ port, fingerprint, cert }) => {
    for (const trust of [{ fingerprint }, { ca: cert }]) {
      const socket = await connectTls({ host: "127.0.0.1", port }, { trust, clock });
      assert.match(await get(socket, "/x"), /200 OK.*\/x 127\.0\.0\.1/s);
      socket.destroy();
    }
    const plain = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal(plain.status, 400);
    assert.match(await plain.text(), /"code":"tls-required"/);
    await assert.rejects(new WebSocketTransport({ clock }).connect(`ws://127.0.0.1:${port}/link`), {
      code: "connect-refused",
    });
  }));

test("[A16] an untrusted peer receives no byte, over any transport", () =>
  withListener(async ({ port, cert }) => {
    const address = `127.0.0.1:${port}`;
    const wrong = { fingerprint: "00".repeat(32) };
    const tcp = new TcpTransport({ clock });
    const webSocket = new WebSocketTransport({ clock });
    await assert.rejects(tcp.connect(address, { tls: {} }), { code: "tls-untrusted" });
    await assert.rejects(tcp.connect(address, { tls: wrong }), { code: "tls-fingerprint-wrong" });
    await assert.rejects(webSocket.connect(`wss://${address}/link`), { code: "tls-untrusted" });
    await assert.rejects(webSocket.connect(`wss://${address}/link`, { trust: wrong }), {
      code: "tls-fingerprint-wrong",
    });
    const misnamed = { host: "127.0.0.2", port };
    await assert.rejects(connectTls(misnamed, { trust: { ca: cert }, clock }), {
      code: /tls-name-wrong|connect-refused/,
    });
  }));

test("a client that speaks TLS where it is not spoken is told", async () => {
  const gate = { hosts: [], origins: [] };
  const options = { host: "127.0.0.1", port: 0, gate, clock, log: SILENT };
  const request = async (): Promise<never> => Promise.reject(new Error("not reached"));
  await using listener = await HttpListener.open(options, { request, upgrades: {} });
  await assert.rejects(connectTls({ host: "127.0.0.1", port: listener.port }, { clock }), {
    code: "tls-missing",
  });
});

test("[A15] a new certificate is for new connections; those there are go on", () =>
  withListener(async ({ port, listener, fingerprint }) => {
    const address = { host: "127.0.0.1", port };
    const before = await connectTls(address, { trust: { fingerprint }, clock });
    assert.match(await get(before, "/1"), /\/1/);
    const next = await make();
    listener.setTls(next);
    assert.match(await get(before, "/2"), /\/2/);
    await assert.rejects(connectTls(address, { trust: { fingerprint }, clock }), {
      code: "tls-fingerprint-wrong",
    });
    const trust = { fingerprint: readCertificate(next, "", clock).fingerprint };
    const after = await connectTls(address, { trust, clock });
    assert.match(await get(after, "/3"), /\/3/);
    before.destroy();
    after.destroy();
  }));

test("the private key of a site is not in what it writes into its certificate", async () => {
  const { cert, key } = await make();
  const body = key.split("\n").slice(1, -2).join("");
  assert.equal(cert.replaceAll("\n", "").includes(body), false);
  assert.match(await readFile(join(folder, "own", "tls-key.pem"), "utf8"), /PRIVATE KEY/);
});
