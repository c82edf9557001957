import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { SILENT, SystemClock, SystemRandom } from "../../src/base/index.ts";
import { DirectoryClient } from "../../src/directory/index.ts";
import { dialDirectory } from "../../src/site/directory-sockets.ts";
import { connect, type SiteClient } from "../../src/site/index.ts";
import {
  clientAt,
  codeOf,
  GuardedSession,
  noAddress,
  publishMessages,
} from "../support/guarded-session.ts";
import { endOf, json } from "../support/processes.ts";
import {
  credentialsAt,
  OUTSIDE,
  SecureSession,
  type SecureSite,
} from "../support/secure-session.ts";
import { Viewer } from "../support/viewer.ts";
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

test("a member rejoins with a token of its own, does nothing that is not its own, and is put out when that is revoked", {
  skip: noAddress,
}, async () => {
  const { north, south, boss } = guarded;
  const given = await guarded.tokenFor({ name: "site east", can: ["join"] });
  const reached = ["--open", OUTSIDE ?? "", "--advertise", OUTSIDE ?? "", "--tls", "auto"];
  const join = ["--join", north.url, "--fingerprint", north.tls?.fingerprint ?? ""];
  const args = [...reached, ...join];
  const first = await guarded.session.site("east", { MEANDER_TOKEN: given.text }, ...args);
  await first.running.stop();
  const again = await guarded.session.site("east", {}, ...args);
  const names = (await boss.session()).sites.map(({ name }) => name);
  assert.ok(names.includes("east"), names.join());

  await assertKeepsToItself(given.text);
  const can = ["publish", "watch"] as const;
  const studio = await guarded.tokenFor({ can, channels: ["sports/east"] });
  const publisher = await publishMessages(north, "sports/east", studio.text);
  // Where its site gets nothing any more, a viewer would go to another.
  const open = (site: SecureSite): Promise<Viewer> =>
    Viewer.open(site.url, "sports/east", "viewer", {
      ...credentialsAt(site, studio.text),
      follow: false,
    });
  using spy = await open(again);
  using viewer = await open(south);
  await until("messages", () => spy.messages.length > 3 && viewer.messages.length > 3);
  const revoked = Date.now();
  await boss.revokeTokens({ name: "site east" });
  // [A44]
  await until("its links are gone", async () => {
    const { snapshot } = await boss.site();
    return !snapshot.peers.some(({ name }) => name === "east");
  });
  assert.ok(Date.now() - revoked < 5_000, `after ${Date.now() - revoked} ms`);
  const [seen, heard] = [spy.messages.length, viewer.messages.length];
  await until("it is told", () => /was revoked|was put out/.test(again.running.stderr()));
  await until("messages elsewhere", () => viewer.messages.length > heard + 15);
  assert.ok(spy.messages.length <= seen + 1, "what was on its way may still come");
  assert.deepEqual({ ...viewer.account(), packets: 0 }, { packets: 0, missing: 0, repeated: 0 });
  await publisher.close();
  await again.running.stop();
});

/** A site asks the directory for what is not its own. [A42] */
async function assertKeepsToItself(token: string): Promise<void> {
  const clock = new SystemClock();
  const { north } = guarded;
  const url = `${north.url.replace(/^http/, "ws")}/directory`;
  const trust = { fingerprint: north.tls?.fingerprint };
  await using directory = new DirectoryClient({
    ...{ clock, random: new SystemRandom(), log: SILENT, site: "east", token: () => token },
    dial: () => dialDirectory(url, { trust, clock }),
  });
  const keys = (await directory.list("")).map(({ key }) => key);
  assert.ok(keys.includes("sites/north") && keys.includes("session"), keys.join(" "));
  for (const secret of ["access/tokens/", "access/members/", "config/north", "config/south"])
    assert.equal(keys.filter((key) => key.startsWith(secret)).length, 0, secret);
  const policy = await directory.get("access/policy");
  const denied = ["access/policy", "access/revoked/0123456789", "config/north", "sites/north"];
  for (const key of denied) {
    assert.equal(await codeOf(directory.put(key, policy?.value ?? null)), "directory-denied", key);
    assert.equal(await codeOf(directory.delete(key)), "directory-denied", key);
  }
  const asNorth = { authority: token, site: "north" };
  assert.equal(await codeOf(directory.request("renew-membership", asNorth)), "request-denied");
}

guarded.testSecrets();
