import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { MeanderError } from "../src/base/index.ts";
import {
  connect,
  type Publication,
  publishFile,
  publishLines,
  SiteClient,
} from "../src/site/index.ts";
import { openBrowser } from "./support/browser.ts";
import { playerStats } from "./support/player.ts";
import { endOf, json } from "./support/processes.ts";
import { CHROMIUM, needs } from "./support/programs.ts";
import {
  credentialsAt,
  OUTSIDE,
  publicKeyHash,
  SecureSession,
  type SecureSite,
} from "./support/secure-session.ts";
import { Viewer } from "./support/viewer.ts";
import { until } from "./support/wait.ts";

const skip = needs({ "an address that is not loopback": OUTSIDE });
const HOUR = 3_600_000;

let session: SecureSession;
let north: SecureSite;
let south: SecureSite;
let boss: SiteClient;
/** The text of every token of this test. */
const secrets: string[] = [];

before(async () => {
  if (skip !== false) return;
  session = await SecureSession.open();
  const open = ["--open", OUTSIDE ?? "", "--advertise", OUTSIDE ?? "", "--tls", "auto"];
  north = await session.site("north", {}, ...open, "--public", "open/*");
  boss = await session.administrator(north);
  secrets.push((await readFile(north.tokenFile ?? "", "utf8")).trim());
  const join = await tokenFor({ name: "site south", can: ["join"] });
  const fingerprint = ["--fingerprint", north.tls?.fingerprint ?? ""];
  const env = { MEANDER_TOKEN: join.text };
  south = await session.site("south", env, ...open, "--join", north.url, ...fingerprint);
});

after(async () => {
  await session?.[Symbol.asyncDispose]();
});

async function tokenFor(wanted: {
  readonly name?: string;
  readonly can: readonly ("watch" | "publish" | "join" | "administer")[];
  readonly channels?: readonly string[];
  readonly expiresInMs?: number;
}): Promise<{ readonly text: string; readonly id: string }> {
  const { name = "somebody", can, channels = [], expiresInMs = HOUR } = wanted;
  const { token, record } = await boss.createToken({ name, can, channels, expiresInMs });
  secrets.push(token);
  return { text: token, id: record.id };
}

function clientAt(site: SecureSite, token?: string): SiteClient {
  return new SiteClient(site.url, credentialsAt(site, token));
}

async function codeOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked;
    return "granted";
  } catch (error) {
    return (error as MeanderError).code;
  }
}

/** Publishes messages on a channel, ten a second, until it ends. */
async function publishMessages(
  site: SecureSite,
  channel: string,
  token: string,
): Promise<Publication> {
  const lines = async function* (): AsyncGenerator<string> {
    for (let count = 0; ; count++) {
      yield `message ${count}`;
      await new Promise((resolve) => setTimeout(resolve, 100).unref());
    }
  };
  const options = { site: site.url, channel, ...credentialsAt(site, token) };
  return await publishLines(lines(), "text/plain", options);
}

test("a site that others reach asks for tokens, and its own user finds the way in", {
  skip,
}, async () => {
  assert.equal(north.access, "tokens");
  assert.match(north.tls?.fingerprint ?? "", /^[0-9a-f]{64}$/);
  for (const file of ["admin-token", "access-key.json", "tls-key.pem"]) {
    const { mode } = await stat(join(session.folder, "north", file));
    assert.equal(mode & 0o077, 0, file);
  }
  const [found, member, stranger] = await Promise.all([
    session.verb(["sites", "--json", "--site", north.url]),
    // It has no such token itself; the leader of its session has.
    session.verb(["token", "list", "--json", "--site", south.url]),
    session.verb(["sites", "--json", "--site", north.url], {
      XDG_RUNTIME_DIR: join(session.folder, "nowhere"),
      MEANDER_FINGERPRINT: north.tls?.fingerprint,
    }),
  ]);
  assert.equal(found.code, 0, found.stderr);
  const names = (json<{ name: string }[]>(found.stdout) ?? []).map(({ name }) => name);
  assert.deepEqual(names, ["north", "south"]);
  assert.equal(member.code, 0, member.stderr);
  assert.equal(stranger.code, 1);
  assert.match(stranger.stderr, /"code":"token-required"/);
});

test("tokens good and bad, at the API of any site", { skip }, async () => {
  const other = await SecureSession.open();
  try {
    const strange = await other.site("strange", {}, "--access", "tokens");
    const foreign = (await readFile(strange.tokenFile ?? "", "utf8")).trim();
    secrets.push(foreign);
    const admin = secrets[0] ?? "";
    const [head = "", body = "", signature = ""] = admin.split(".");
    const watcher = await tokenFor({ can: ["watch"], channels: ["sports/*"] });
    const brief = await tokenFor({ can: ["administer"], expiresInMs: 1_000 });
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
    await until("the token has expired", async () => {
      return (await codeOf(clientAt(north, brief.text).site())) === "token-expired";
    });
    for (const site of [north, south]) {
      const at = (token?: string): SiteClient => clientAt(site, token);
      assert.equal((await at().health()).status, "ok");
      assert.equal(await codeOf(at().session()), "token-required");
      assert.equal(await codeOf(at("nonsense").session()), "token-malformed");
      assert.equal(await codeOf(at("x".repeat(5_000)).session()), "token-malformed");
      assert.equal(
        await codeOf(at(`${head}.${body}.${signature.slice(4)}AAAA`).session()),
        "token-forged",
      );
      assert.equal(await codeOf(at(`${none}.${body}.`).session()), "token-forged");
      assert.equal(await codeOf(at(foreign).session()), "token-foreign");
      assert.equal(await codeOf(at(brief.text).session()), "token-expired");
      assert.equal(await codeOf(at(watcher.text).session()), "granted");
      assert.equal(await codeOf(at(watcher.text).site()), "token-denied");
      assert.equal(await codeOf(at(watcher.text).stop()), "token-denied");
      assert.equal(await codeOf(at(watcher.text).tokens()), "token-denied");
      assert.equal(await codeOf(at(watcher.text).publishData("sports/x")), "token-denied");
      assert.equal(await codeOf(at(admin).site()), "granted");
      assert.equal(
        await codeOf(connect(site.url, credentialsAt(site, watcher.text))),
        "token-denied",
      );
      assert.equal(await codeOf(connect(site.url, { trust: site.tls })), "token-required");
    }
    const denied = await clientAt(north, watcher.text)
      .site()
      .catch((error: unknown) => error);
    assert.match(
      (denied as Error).message,
      /allows watch on sports\/\*; expected a token that allows: administer/,
    );
  } finally {
    await other[Symbol.asyncDispose]();
  }
});

test("who guesses tokens is slowed down, and the others are not", { skip }, async () => {
  const codes = new Set<string>();
  for (let round = 0; round < 5; round++) {
    const guesses = Array.from({ length: 20 }, (_, index) =>
      codeOf(clientAt(south, `guess.${round}.${index}`).session()),
    );
    for (const code of await Promise.all(guesses)) codes.add(code);
  }
  assert.ok(codes.has("token-throttled"), [...codes].join());
  assert.equal(await codeOf(clientAt(south, secrets[0]).session()), "granted");
});

test("TLS: whom to trust is said, and what was shown is told", { skip }, async () => {
  const { port } = new URL(north.url);
  const admin = secrets[0];
  const cert = join(session.folder, "north", "tls-cert.pem");
  const ca = await readFile(cert, "utf8");
  assert.equal(
    await codeOf(new SiteClient(north.url, { token: admin }).session()),
    "tls-untrusted",
  );
  const wrong = { fingerprint: "ab".repeat(32) };
  const mismatch = await new SiteClient(north.url, { token: admin, trust: wrong })
    .session()
    .catch((error: unknown) => error as MeanderError);
  assert.ok(mismatch instanceof Error && "code" in mismatch);
  assert.equal(mismatch.code, "tls-fingerprint-wrong");
  assert.match(
    mismatch.message.replaceAll(":", "").toLowerCase(),
    new RegExp(north.tls?.fingerprint ?? "-"),
  );
  const byAuthority = new SiteClient(north.url, { token: admin, trust: { ca } });
  assert.equal(await codeOf(byAuthority.session()), "granted");
  const misnamed = new SiteClient(`https://127.0.0.2:${port}`, { token: admin, trust: { ca } });
  assert.equal(await codeOf(misnamed.session()), "tls-name-wrong");
  const plain = await session.verb(["sites", "--json", "--site", `http://${OUTSIDE}:${port}`]);
  assert.match(plain.stderr, /"code":"tls-required"/);
  assert.equal(await codeOf(new SiteClient(`http://${OUTSIDE}:${port}`).health()), "tls-required");
  const spoken = await Viewer.open(`http://127.0.0.1:${port}`, "x").catch(
    (error: unknown) => error,
  );
  assert.equal((spoken as MeanderError).code, "tls-required");
});

test("connections that open, say nothing or garbage, and close, leave a site with TLS as it was", {
  skip,
}, async () => {
  const { hostname, port } = new URL(north.url);
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
  assert.equal((await clientAt(north).health()).status, "ok");
});

test("joining asks for a token that allows it", { skip }, async () => {
  const watcher = await tokenFor({ can: ["watch"], channels: ["*"] });
  const trust = ["--fingerprint", north.tls?.fingerprint ?? ""];
  const tries = [
    { env: {}, more: trust, code: "token-required" },
    { env: { MEANDER_TOKEN: watcher.text }, more: trust, code: "token-denied" },
    { env: { MEANDER_TOKEN: secrets[0] }, more: [], code: "tls-untrusted" },
  ];
  await Promise.all(
    tries.map(async ({ env, more, code }, index) => {
      const running = session.run(`west-${index}`, env, "--join", north.url, ...more);
      assert.equal(await endOf(running), 1);
      assert.match(running.stderr(), new RegExp(`"code":"${code}"`), running.stderr());
    }),
  );
});

test("a member comes back with a token of its own, and is sent away when that is revoked", {
  skip,
}, async () => {
  const given = await tokenFor({ name: "site east", can: ["join"] });
  const args = ["--join", north.url, "--fingerprint", north.tls?.fingerprint ?? ""];
  const first = await session.site("east", { MEANDER_TOKEN: given.text }, ...args);
  await first.running.stop();
  const again = await session.site("east", {}, ...args);
  const names = (await boss.session()).sites.map(({ name }) => name);
  assert.ok(names.includes("east"), names.join());
  await boss.revokeTokens({ name: "site east" });
  await until("it is sent away", () => /token was revoked/.test(again.running.stderr()));
  await again.running.stop();
});

test("watching and publishing ask for tokens of the channel, but for public ones", {
  skip,
}, async () => {
  const studio = await tokenFor({ can: ["publish"], channels: ["sports/*", "open/*"] });
  const alice = await tokenFor({ can: ["watch"], channels: ["sports/*"] });
  const publishers = await Promise.all(
    ["sports/a", "open/a"].map((name) => publishMessages(north, name, studio.text)),
  );
  try {
    for (const site of [north, south]) {
      using good = await Viewer.open(
        site.url,
        "sports/a",
        "alice",
        credentialsAt(site, alice.text),
      );
      using anybody = await Viewer.open(site.url, "open/a", "anybody", credentialsAt(site));
      await until(
        `messages at ${site.name}`,
        () => good.messages.length > 2 && anybody.messages.length > 2,
      );
      using stranger = await Viewer.open(site.url, "sports/a", "stranger", credentialsAt(site));
      using elsewhere = await Viewer.open(
        site.url,
        "news",
        "alice",
        credentialsAt(site, alice.text),
      );
      using odd = await Viewer.open(site.url, "open/a", "odd", credentialsAt(site, "odd"));
      await until("refusals", () =>
        [stranger, elsewhere, odd].every((each) => refusalOf(each) !== undefined),
      );
      assert.equal(refusalOf(stranger), "token-required");
      assert.equal(refusalOf(elsewhere), "token-denied");
      assert.match(refusalOf(odd) ?? "", /token-malformed|token-throttled/);
      assert.equal(stranger.received.length + elsewhere.received.length + odd.received.length, 0);
    }
  } finally {
    await Promise.all(publishers.map((each) => each.close()));
  }
});

test("sites are linked over TLS by TCP and by WebSocket, each trusting what the directory says", {
  skip,
}, async () => {
  const studio = await tokenFor({ can: ["publish", "watch"], channels: ["sports/*"] });
  const publisher = await publishMessages(north, "sports/l", studio.text);
  const administrator = clientAt(south, secrets[0]);
  try {
    for (const stack of ["tcp", "websocket"]) {
      await administrator.setRoutes({ stack });
      using viewer = await Viewer.open(
        south.url,
        "sports/l",
        "x",
        credentialsAt(south, studio.text),
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

test("when a token expires, who watches, publishes or commands under it is sent away with the reason", {
  skip,
}, async () => {
  const studio = await tokenFor({ can: ["publish"], channels: ["sports/b"] });
  const publisher = await publishMessages(north, "sports/b", studio.text);
  const brief = await tokenFor({ can: ["administer"], expiresInMs: 4_000 });
  try {
    using viewer = await Viewer.open(
      south.url,
      "sports/b",
      "bob",
      credentialsAt(south, brief.text),
    );
    const own = await publishMessages(south, "sports/c", brief.text);
    const shell = await connect(north.url, credentialsAt(north, brief.text));
    await until("messages", () => viewer.messages.length > 3);
    assert.equal(refusalOf(viewer), undefined);
    await until("the viewer is sent away", () => refusalOf(viewer) === "token-expired");
    const count = viewer.messages.length;
    assert.match(String(await shell.closed), /the token expired/);
    assert.equal((await own.ended)?.code, "token-expired");
    assert.equal(viewer.messages.length, count);
    const { snapshot } = await boss.channel("sports/c");
    assert.deepEqual(snapshot?.inputs.filter(({ kind }) => kind === "data") ?? [], []);
  } finally {
    await publisher.close();
  }
});

test("a revoked token ends what goes on under it, at all sites, within two seconds", {
  skip,
}, async () => {
  const studio = await tokenFor({ can: ["publish"], channels: ["sports/d"] });
  const carol = await tokenFor({ name: "carol", can: ["watch"], channels: ["sports/*"] });
  const dave = await tokenFor({ name: "dave", can: ["watch"], channels: ["sports/*"] });
  const publisher = await publishMessages(north, "sports/d", studio.text);
  using here = await Viewer.open(north.url, "sports/d", "carol", credentialsAt(north, carol.text));
  using there = await Viewer.open(south.url, "sports/d", "carol", credentialsAt(south, carol.text));
  using other = await Viewer.open(south.url, "sports/d", "dave", credentialsAt(south, dave.text));
  await until("messages", () => [here, there, other].every(({ messages }) => messages.length > 3));
  // At the site that does not lead.
  const revoked = await session.verb([
    "token",
    "revoke",
    "--name",
    "carol",
    "--json",
    "--site",
    south.url,
  ]);
  assert.equal(revoked.code, 0, revoked.stderr);
  const at = performance.now();
  await until("they are sent away", () =>
    [here, there].every((each) => refusalOf(each) === "token-revoked"),
  );
  assert.ok(performance.now() - at < 2_000, `${performance.now() - at} ms`);
  const count = other.messages.length;
  await until("the other goes on", () => other.messages.length > count + 3);
  assert.equal(refusalOf(other), undefined);
  await boss.revokeTokens({ id: studio.id });
  assert.equal((await publisher.ended)?.code, "token-revoked");
});

test("a browser plays with a token, and says why it does not without", {
  skip: skip || needs({ chromium: CHROMIUM }),
}, async () => {
  const studio = await tokenFor({ can: ["publish"], channels: ["sports/clip"] });
  const eve = await tokenFor({ name: "eve", can: ["watch"], channels: ["sports/*"] });
  const options = { site: north.url, channel: "sports/clip", loop: true };
  const publisher = await publishFile(CLIP, { ...options, ...credentialsAt(north, studio.text) });
  const hash = publicKeyHash(await readFile(join(session.folder, "south", "tls-cert.pem"), "utf8"));
  await using browser = await openBrowser(`--ignore-certificate-errors-spki-list=${hash}`);
  const { page } = browser;
  try {
    await page.goto(`${south.url}/player.html?channel=sports/clip`);
    await page.waitForSelector(".token-form input");
    const notice = page.locator("meander-player .notice");
    assert.match(
      (await notice.textContent()) ?? "",
      /asks for a token.*this site asks for a token/s,
    );
    assert.equal(await page.evaluate("isSecureContext"), true);
    await page.fill(".token-form input", eve.text);
    await page.click(".token-form button");
    await until(
      "the picture moves",
      async () => (Number((await playerStats(page))["framesPresented"]) || 0) > 30,
    );
    assert.equal(page.url().includes(eve.text), false);
    await boss.revokeTokens({ name: "eve" });
    await until("it says why it stopped", async () =>
      /was revoked/.test((await notice.textContent()) ?? ""),
    );
    // The console asks, too, and draws the session with the right one.
    await page.evaluate("sessionStorage.clear()");
    await page.goto(`${south.url}/`);
    await page.waitForSelector(".token-form input");
    await page.fill(".token-form input", secrets[0] ?? "");
    await page.click(".token-form button");
    await page.waitForSelector("[data-site=south]");
    await until(
      "the prompt is gone",
      async () => (await page.locator(".token-form").count()) === 0,
    );
    assert.deepEqual(browser.errors, []);
  } finally {
    await publisher.close();
  }
});

test("a new certificate is shown without ending a connection, and the session hears of it", {
  skip,
}, async () => {
  const admin = secrets[0] ?? "";
  const studio = await tokenFor({ can: ["publish", "watch"], channels: ["sports/e"] });
  const publisher = await publishMessages(north, "sports/e", studio.text);
  using viewer = await Viewer.open(
    south.url,
    "sports/e",
    "frank",
    credentialsAt(south, studio.text),
  );
  await until("messages", () => viewer.messages.length > 3);
  const files = ["tls-cert.pem", "tls-key.pem"].map((file) => join(session.folder, "south", file));
  const [cert = "", key = ""] = files;
  const { makeSelfSigned } = await import("../src/site/tls/self-signed.ts");
  const now = Date.now();
  const names = [OUTSIDE ?? "", "localhost", "127.0.0.1", "::1"];
  const made = await makeSelfSigned({ names, validFrom: now, validTo: now + 100 * 24 * HOUR });
  await writeFile(key, made.key, { mode: 0o600 });
  await writeFile(cert, made.cert);
  south.running.child.kill("SIGHUP");
  await until("the session hears of it", async () => {
    const { sites } = await boss.session();
    const { tls } = sites.find(({ name }) => name === "south") ?? {};
    if (tls === undefined || tls.fingerprint === south.tls?.fingerprint) return false;
    const now = { token: admin, trust: tls };
    return (await codeOf(new SiteClient(south.url, now).health())) === "granted";
  });
  assert.equal(await codeOf(clientAt(south, admin).health()), "tls-fingerprint-wrong");
  const count = viewer.messages.length;
  await until("the viewer goes on", () => viewer.messages.length > count + 3);
  assert.equal(viewer.states.filter(({ type }) => type === "lost").length, 0);
  await publisher.close();
});

test("no token, key or secret is in anything that the sites have printed", { skip }, async () => {
  const { d } = JSON.parse(
    await readFile(join(session.folder, "north", "access-key.json"), "utf8"),
  ) as { d: string };
  const { printed } = session;
  assert.ok(printed.length > 10_000, "they log everything");
  assert.match(printed, /A token was made/);
  const member = (await readFile(join(session.folder, "south", "member-token"), "utf8")).trim();
  for (const token of [...secrets, member]) {
    const [, body = "", signature = ""] = token.split(".");
    for (const part of [token, body, signature]) {
      assert.ok(part.length > 20);
      assert.equal(printed.includes(part), false, `${part.slice(0, 8)}… is in a log`);
    }
  }
  assert.equal(printed.includes(d), false, "the session's key is in a log");
  assert.doesNotMatch(printed, /PRIVATE KEY|linkKey|ownToken/);
});

function refusalOf(viewer: Viewer): string | undefined {
  const refused = viewer.states.findLast(({ type }) => type === "refused");
  return refused?.type === "refused" ? refused.code : undefined;
}

const CLIP = new URL("../../media/clip.mp4", import.meta.url).pathname;
