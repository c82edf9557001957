/** Who did what, as the command line and the console tell it, over a restart, and with a disk that is full. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type AuditRecord, connect, SiteClient } from "../../src/site/index.ts";
import { type Browser, openBrowser } from "../support/browser.ts";
import { json, MEANDER, type Running, start } from "../support/processes.ts";
import { CHROMIUM, needs } from "../support/programs.ts";
import { SecureSession, type SecureSite } from "../support/secure-session.ts";
import { until } from "../support/wait.ts";

const REASON = "it stays at home";

let session: SecureSession;
let north: SecureSite;
let south: SecureSite;
let token: string;

before(async () => {
  session = await SecureSession.open();
  north = await session.site("north", {}, "--access", "tokens");
  token = (await readFile(north.tokenFile ?? "", "utf8")).trim();
  south = await session.site("south", { MEANDER_TOKEN: token }, "--join", north.url);
});
after(() => session?.[Symbol.asyncDispose]());

async function audit(site: SecureSite, ...args: string[]): Promise<string> {
  const done = await session.verb(["audit", "--site", site.url, ...args], { MEANDER_TOKEN: token });
  assert.equal(done.code, 0, done.stderr);
  return done.stdout;
}

const recordsOf = (text: string): AuditRecord[] =>
  text.split("\n").flatMap((line) => json<AuditRecord>(line) ?? []);

test("what was allowed and what a policy refused is told by the command line, with the policy and its reason", async () => {
  const follower = start(
    process.execPath,
    [MEANDER, "audit", "--site", north.url, "--follow", "--denied", "--json"],
    { MEANDER_TOKEN: token, XDG_RUNTIME_DIR: session.folder },
  );
  const shell = await connect(north.url, { token, name: "deploy" });
  try {
    await shell.createStream("radio");
    await shell.setPolicy("session", [
      { effect: "deny", actions: ["move"], stream: "radio", reason: REASON },
    ]);
    await assert.rejects(shell.move("radio", "south"), { code: "denied" });
    const followed = await follower.line((line) => {
      const record = json<AuditRecord>(line);
      return record?.what === "stream.move" ? record : undefined;
    });
    assert.equal(followed.verdict, "denied");
    const table = await audit(north, "--on", "stream radio");
    assert.match(table, /allowed .*deploy.* stream\.create +stream radio at north/);
    assert.match(
      table,
      /denied .* stream\.move +stream radio to south +policy session.*: .*stays at home/,
    );
    const denied = recordsOf(await audit(north, "--denied", "--json"));
    assert.ok(denied.every(({ verdict }) => verdict === "denied"));
    const move = denied.find(({ what }) => what === "stream.move");
    assert.match(move?.rule ?? "", /^policy session/);
    assert.match(move?.reason ?? "", new RegExp(REASON));
    assert.equal(move?.label, "deploy");
  } finally {
    await shell.setPolicy("session", []);
    await shell.close();
    await follower.stop();
  }
});

test("a token that does not allow it reads no log; its refusal is in it", async () => {
  const boss = new SiteClient(south.url, { token });
  const asked = { name: "bob", can: ["watch"], channels: ["*"], expiresInMs: 3_600_000 } as const;
  const bob = await boss.createToken(asked);
  const watcher = new SiteClient(south.url, { token: bob.token });
  await assert.rejects(watcher.audit(), { code: "token-denied" });
  const all = recordsOf(await audit(north, "--all", "--json", "--since", "1h"));
  const refused = all.find(({ by, on }) => by === "subject:bob" && on === "GET /api/audit");
  assert.deepEqual(
    [refused?.site, refused?.verdict, refused?.rule],
    ["south", "denied", "token-denied"],
  );
  const passedOn = all.filter(({ what, site }) => what === "token.create" && site === "north");
  assert.ok(
    passedOn.some(({ from }) => from === "site south"),
    "the leader has what south passed on",
  );
  assert.deepEqual(
    all.map(({ at }) => at),
    all.map(({ at }) => at).sort((one, other) => one - other),
  );
});

test("a policy is tried, set by its name, told, and taken back by the command line", async () => {
  const verb = async (...args: string[]): Promise<string> => {
    const done = await session.verb([...args, "--site", south.url], { MEANDER_TOKEN: token });
    assert.equal(done.code, 0, done.stderr);
    return done.stdout;
  };
  const shell = await connect(north.url, { token, name: "change" });
  try {
    for (const name of ["one", "two"]) await shell.createStream(`change-${name}`, { at: "south" });
    const quota = ["quota", "--streams", "1"];
    const tried = await verb("policy", "try", ...quota, "--scope", "sites/south");
    assert.match(tried, /change-two at south +allowed +denied +subject:.* may have 1\n/);
    assert.match(
      tried,
      /\d requests, \d would be refused that were? allowed, 0 the other way; 0 failed/,
    );
    await verb("policy", "set", "sites/south", ...quota);
    assert.match(
      await verb("policy", "show"),
      /sites\/south, set .*\n +code \w{12} quota --streams 1/,
    );
    await assert.rejects(shell.createStream("change-three", { at: "south" }), {
      code: "denied",
      where: /^policy sites\/south, code \w{12}$/,
      message: /may have 1/,
    });
    assert.match(await verb("policy", "history", "sites/south"), /\* +1 .*quota --streams 1/);
    await verb("policy", "rollback", "sites/south");
    await (await shell.createStream("change-three", { at: "south" })).destroy();
    const told = await audit(north, "--what", "policy.*");
    assert.match(told, /allowed .* policy\.rollback +policy sites\/south, the one of before/);
  } finally {
    await shell.close();
  }
});

test("the console shows which policy refused what, and why", {
  skip: needs({ chromium: CHROMIUM }),
}, async () => {
  const browser: Browser = await openBrowser();
  try {
    const { page } = browser;
    await page.goto(`${north.url}/player.html`);
    await page.evaluate(`sessionStorage.setItem("meander-token", ${JSON.stringify(token)})`);
    await page.goto(`${north.url}/`);
    await page.click("[role=tab]:text-is('Audit')");
    const rows = page.locator("[aria-label='Audit log of north'] tbody tr");
    await until("what was done", async () => (await rows.count()) > 3);
    await page.click("text=denied only");
    await until("only what was denied", async () => {
      const texts = await rows.allInnerTexts();
      return texts.length > 0 && texts.every((text) => /denied/.test(text));
    });
    const refused = rows.filter({ hasText: "stream.move" }).first();
    assert.match(await refused.innerText(), /policy session[\s\S]*stays at home/);
    const before = await rows.count();
    await assert.rejects(new SiteClient(north.url).site(), { code: "token-required" });
    await until("what is denied now", async () => (await rows.count()) > before);
    assert.deepEqual(browser.errors, []);
  } finally {
    await browser[Symbol.asyncDispose]();
  }
});

test("a restart keeps the log", async () => {
  await south.running.stop();
  south = await session.site("south", {}, "--join", north.url);
  const records = recordsOf(await audit(south, "--json"));
  const runs = records.filter(({ what }) => what === "site.start");
  assert.equal(runs.length, 2);
  assert.ok(records.some(({ by, verdict }) => by === "subject:bob" && verdict === "denied"));
  const numbers = records.map(({ number }) => number);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
  );
});

const canMount =
  process.getuid?.() === 0 &&
  spawnSync("unshare", ["-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]).status === 0;

test("[A54] a full disk under the log costs records, which are counted, and no request", {
  skip: canMount ? false : "mounting needs root and namespaces",
}, async () => {
  const data = join(session.folder, "small");
  const folder = join(data, "audit");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const args = ["site", "--json", "--name", "small", "--http-port", "0", "--udp-port", "0"];
  const small: Running = start("unshare", [
    ...["-m", "sh", "-c", 'mount -t tmpfs -o size=32k,mode=700 tmpfs "$0" && exec "$@"', folder],
    ...[process.execPath, MEANDER, ...args, "--data", data, "--access", "tokens"],
  ]);
  try {
    const { url, pid } = await small.line((line) => json<{ url: string; pid: number }>(line));
    const boss = new SiteClient(url, {
      token: (await readFile(join(data, "admin-token"), "utf8")).trim(),
    });
    const metric = async (name: string): Promise<number> => {
      const headers = { authorization: `Bearer ${boss.credentials.token}` };
      const text = await (await fetch(`${url}/metrics`, { headers })).text();
      return Number(new RegExp(`^${name}\\{[^}]*\\} (\\d+)`, "m").exec(text)?.[1]);
    };
    for (const name of ["ann", "ben", "cleo"]) {
      const asked = { name, can: ["publish"], channels: ["*"], expiresInMs: 3_600_000 } as const;
      const client = new SiteClient(url, { token: (await boss.createToken(asked)).token });
      for (let batch = 0; batch < 45; batch++) {
        const codes = await Promise.all(
          Array.from({ length: 10 }, (_, index) =>
            client.sendMessage(`${name}-${batch}-${index}`, "text/plain", "hello").then(
              () => "sent",
              (error: { code: string }) => error.code,
            ),
          ),
        );
        assert.deepEqual(new Set(codes), new Set(["channel-unknown"]), "requests are answered");
      }
    }
    const { status, reason } = await boss.health();
    assert.equal(status, "degraded");
    assert.match(
      reason ?? "",
      /^the audit log is not written: the disk is full; \d+ records are lost$/,
    );
    const lost = await metric("meander_audit_lost_total");
    assert.ok(lost > 100, `${lost}`);
    assert.match(small.stderr(), /The audit log cannot be written; requests go on\./);
    const newest = await boss.audit({ by: "cleo", limit: 1_000 });
    assert.equal(newest.records.length, 450, "the newest are there all the same");
    const enlarge = ["-t", `${pid}`, "-m", "mount", "-o", "remount,size=20m", folder];
    assert.equal(spawnSync("nsenter", enlarge).status, 0);
    await until("the log is written again", async () => (await boss.health()).status === "ok");
    const told = await until("it says what is missing", async () => {
      return (await boss.audit({ what: "audit.lost" })).records.at(-1);
    });
    assert.equal(told.count, await metric("meander_audit_lost_total"));
    const inside = `/proc/${pid}/root${folder}`;
    assert.deepEqual(await readdir(inside), ["audit.jsonl"]);
    const lines = (await readFile(join(inside, "audit.jsonl"), "utf8")).trimEnd().split("\n");
    const numbers = lines.map((line) => json<AuditRecord>(line)?.number ?? Number.NaN);
    assert.equal(
      numbers.length + told.count,
      told.number,
      "every line is whole, and none is twice",
    );
    assert.deepEqual(
      numbers,
      [...numbers].sort((one, other) => one - other),
    );
  } finally {
    await small.stop();
  }
});
