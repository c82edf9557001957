import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type SiteClient } from "../../src/site/index.ts";
import { clientAt, codeOf, GuardedSession, noAddress } from "../support/guarded-session.ts";
import { endOf, json } from "../support/processes.ts";
import { credentialsAt, SecureSession } from "../support/secure-session.ts";
import { until } from "../support/wait.ts";

const guarded = GuardedSession.use();

test("a site that other machines reach requires tokens, and its own user needs none", {
  skip: noAddress,
}, async () => {
  assert.equal(guarded.north.access, "tokens");
  assert.match(guarded.north.tls?.fingerprint ?? "", /^[0-9a-f]{64}$/);
  for (const file of ["admin-token", "access-key.json", "tls-key.pem"]) {
    const { mode } = await stat(join(guarded.session.folder, "north", file));
    assert.equal(mode & 0o077, 0, file);
  }
  const [found, member, stranger] = await Promise.all([
    guarded.session.verb(["sites", "--json", "--site", guarded.north.url]),
    // It has no such token itself; the leader of its session does.
    guarded.session.verb(["token", "list", "--json", "--site", guarded.south.url]),
    guarded.session.verb(["sites", "--json", "--site", guarded.north.url], {
      XDG_RUNTIME_DIR: join(guarded.session.folder, "nowhere"),
      MEANDER_FINGERPRINT: guarded.north.tls?.fingerprint,
    }),
  ]);
  assert.equal(found.code, 0, found.stderr);
  const names = (json<{ name: string }[]>(found.stdout) ?? []).map(({ name }) => name);
  assert.deepEqual(names, ["north", "south"]);
  assert.equal(member.code, 0, member.stderr);
  assert.equal(stranger.code, 1);
  assert.match(stranger.stderr, /"code":"token-required"/);
});

test("valid and invalid tokens, at the API of any site", { skip: noAddress }, async () => {
  const other = await SecureSession.open();
  try {
    const strange = await other.site("strange", {}, "--access", "tokens");
    const foreign = (await readFile(strange.tokenFile ?? "", "utf8")).trim();
    guarded.secrets.push(foreign);
    const admin = guarded.secrets[0] ?? "";
    const [head = "", body = "", signature = ""] = admin.split(".");
    const watcher = await guarded.tokenFor({ can: ["watch"], channels: ["sports/*"] });
    const brief = await guarded.tokenFor({ can: ["administer"], expiresInMs: 1_000 });
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
    await until("the token has expired", async () => {
      return (await codeOf(clientAt(guarded.north, brief.text).site())) === "token-expired";
    });
    for (const site of [guarded.north, guarded.south]) {
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
    const denied = await clientAt(guarded.north, watcher.text)
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

test("a client that guesses tokens is throttled, and others are not", {
  skip: noAddress,
}, async () => {
  const codes = new Set<string>();
  const signed = guarded.secrets[0]?.replace(/[^.]*$/, "") ?? "";
  for (let round = 0; round < 5; round++) {
    const guesses = Array.from({ length: 20 }, (_, index) =>
      codeOf(clientAt(guarded.south, `${signed}${`${round}${index}`.padEnd(86, "A")}`).session()),
    );
    for (const code of await Promise.all(guesses)) codes.add(code);
  }
  assert.ok(codes.has("token-throttled"), [...codes].join());
  assert.equal(await codeOf(clientAt(guarded.south, guarded.secrets[0]).session()), "granted");
});

test("joining needs a token that allows it", { skip: noAddress }, async () => {
  const watcher = await guarded.tokenFor({ can: ["watch"], channels: ["*"] });
  const trust = ["--fingerprint", guarded.north.tls?.fingerprint ?? ""];
  const tries = [
    { env: {}, more: trust, code: "token-required" },
    { env: { MEANDER_TOKEN: watcher.text }, more: trust, code: "token-denied" },
    { env: { MEANDER_TOKEN: guarded.secrets[0] }, more: [], code: "tls-untrusted" },
  ];
  await Promise.all(
    tries.map(async ({ env, more, code }, index) => {
      const running = guarded.session.run(
        `west-${index}`,
        env,
        "--join",
        guarded.north.url,
        ...more,
      );
      assert.equal(await endOf(running), 1);
      assert.match(running.stderr(), new RegExp(`"code":"${code}"`), running.stderr());
    }),
  );
});

test("a member rejoins with a token of its own, and is removed when that is revoked", {
  skip: noAddress,
}, async () => {
  const given = await guarded.tokenFor({ name: "site east", can: ["join"] });
  const args = ["--join", guarded.north.url, "--fingerprint", guarded.north.tls?.fingerprint ?? ""];
  const first = await guarded.session.site("east", { MEANDER_TOKEN: given.text }, ...args);
  await first.running.stop();
  const again = await guarded.session.site("east", {}, ...args);
  const names = (await guarded.boss.session()).sites.map(({ name }) => name);
  assert.ok(names.includes("east"), names.join());
  await guarded.boss.revokeTokens({ name: "site east" });
  await until("it is removed", () => /token was revoked/.test(again.running.stderr()));
  await again.running.stop();
});

guarded.testSecrets();
