import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SILENT, SystemClock } from "../../base/index.ts";
import { connect, SiteClient } from "../../client/index.ts";
import { watchChannel } from "../../client/watch/index.ts";
import { type AuditRecord, parseAuditLine } from "../../trust/index.ts";
import { ADMIN_TOKEN_FILE } from "../access/token-issuer.ts";
import { Site } from "../site.ts";
import { SiteAudit } from "./site-audit.ts";

const clock = new SystemClock();
const PAYLOAD = "payload-that-nobody-else-reads";
const LINK_KEY = "0f1e2d3c4b5a6978".repeat(4);
const HOUR = 3_600_000;

let root: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "meander-site-audit-"));
});
after(() => rm(root, { recursive: true, force: true }));

async function recordsIn(data: string): Promise<AuditRecord[]> {
  const text = await readFile(join(data, "audit", "audit.jsonl"), "utf8");
  return text.split("\n").flatMap((line) => parseAuditLine(line) ?? []);
}

/** Asks, whatever comes of it. */
async function ask(url: string, method: string, token: string, body?: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "text/plain" };
  const { status } = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
  return status;
}

/** Watches a channel until it is known whether that is allowed. */
async function watchOnce(url: string, token: string): Promise<void> {
  let told = (): void => {};
  const isTold = new Promise<void>((resolve) => {
    told = resolve;
  });
  const onState = ({ type }: { readonly type: string }): void => {
    if (type === "refused" || type === "live") told();
  };
  const watcher = await watchChannel(url, "news", { onState }, { token, follow: false });
  await isTold;
  await watcher.close();
}

/** With headers that `fetch` does not let one set. */
function askAs(url: string, headers: Record<string, string>): Promise<void> {
  return new Promise((resolve) => {
    const request = httpRequest(url, { method: "PUT", headers }, (response) => {
      response.resume().once("end", resolve);
    });
    request.once("error", () => resolve());
    request.end(PAYLOAD);
  });
}

test("[A50] [A52] every place that notes something says who and why, and no token, key or payload", async () => {
  const data = join(root, "secrets");
  const settings = { name: "north", httpPort: 0, data, access: "tokens" } as const;
  await using site = await Site.start(settings, { plane: "local" });
  const secrets = [LINK_KEY, PAYLOAD];
  const admin = (await readFile(join(data, ADMIN_TOKEN_FILE), "utf8")).trim();
  const boss = new SiteClient(site.url, { token: admin });
  const made = async (name: string, can: "watch" | "publish" | "join"): Promise<string> => {
    const asked = { name, can: [can], channels: ["news"], expiresInMs: HOUR };
    return (await boss.createToken(asked)).token;
  };
  const tokens = [admin, await made("bob", "watch"), await made("ann", "publish")];
  tokens.push(await made("site south", "join"), tokens[1]?.replace(/.{20}$/, "x".repeat(20)) ?? "");
  secrets.push(...tokens.flatMap((token) => [token, ...token.split(".").slice(1)]));

  for (const token of [...tokens, LINK_KEY, "nonsense", "no.token.this"]) {
    const path = encodeURIComponent(token);
    await ask(`${site.url}/api/site?token=${path}`, "GET", token);
    await ask(`${site.url}/api/${path}`, "GET", token);
    await ask(`${site.url}/channels/${path}?input=${path}&kind=data`, "PUT", token, PAYLOAD);
    await ask(`${site.url}/channels/news?kind=data`, "PUT", token, PAYLOAD);
    await ask(`${site.url}/channels/${path}`, "GET", token);
    await ask(`${site.url}/api/messages/news`, "POST", token, PAYLOAD);
    await ask(`${site.url}/api/messages/${path}`, "POST", token, PAYLOAD);
    await ask(`${site.url}/api/config`, "PUT", token, `{"channels": {"${token}": "${PAYLOAD}"}}`);
    await ask(`${site.url}/api/outputs`, "POST", token, `{"channel": "${PAYLOAD}", "host": 7}`);
    await ask(`${site.url}/api/tokens`, "POST", token, `{"name": "${PAYLOAD}*", "can": []}`);
    await ask(`${site.url}/api/tokens?id=${path}`, "DELETE", token);
    await ask(`${site.url}/api/audit?by=${path}&since=${path}`, "GET", token);
    await askAs(`${site.url}/api/stop?token=${path}`, { authorization: `Basic ${token}` });
    await askAs(`${site.url}/api/stop?token=${path}`, { host: `${token}.example` });
    await askAs(`${site.url}/api/stop`, { origin: `https://${token}.example` });
    await connect(site.url, { token }).then(
      (shell) => shell.close(),
      () => {},
    );
    await watchOnce(site.url, token);
  }

  const shell = await connect(site.url, { token: admin, name: "deploy" });
  const radio = await shell.createStream("radio");
  const source = `export default { on: { append: (ctx, value) => { throw new Error(String(value)) } },
    briefcase: { key: "${PAYLOAD}" } }; // ${PAYLOAD} ${LINK_KEY}`;
  await radio.registerAgent({ source, file: "agent.js" } as never, { name: "agent" });
  await radio.append({ secret: PAYLOAD, token: admin });
  await shell.inspect("radio");
  await shell.setPolicy("streams/radio", [
    { effect: "deny", actions: ["detach"], reason: "it is still needed" },
  ]);
  await assert.rejects(radio.agent("agent").detach(), /it is still needed/);
  await assert.rejects(shell.createStream(admin));
  await assert.rejects(shell.setPolicy("streams/odd", [{ effect: PAYLOAD }]));
  await radio.destroy();
  await shell.close();
  await boss.tokens();
  await boss.revokeTokens({ name: "bob" });
  assert.equal(await ask(`${site.url}/api/site`, "GET", tokens[1] ?? ""), 401);
  await site.stop();

  const files = await readdir(join(data, "audit"));
  assert.deepEqual(files, ["audit.jsonl"]);
  const text = await readFile(join(data, "audit", "audit.jsonl"), "utf8");
  for (const secret of secrets)
    assert.equal(text.includes(secret), false, `${secret.slice(0, 12)}… is in the log`);
  assert.equal((await stat(join(data, "audit", "audit.jsonl"))).mode & 0o777, 0o600);

  const records = await recordsIn(data);
  const has = (wanted: Partial<AuditRecord>): boolean =>
    records.some((record) =>
      Object.entries(wanted).every(([name, value]) => record[name as keyof AuditRecord] === value),
    );
  const boss_ = { by: "subject:leader north", verdict: "allowed" } as const;
  for (const wanted of [
    { by: "site:north", what: "site.start", verdict: "allowed" },
    { by: "site:north", what: "site.stop", verdict: "allowed" },
    { ...boss_, what: "token.create", rule: "right administer", from: "127.0.0.1" },
    { ...boss_, what: "token.list" },
    { ...boss_, what: "token.revoke", on: "1 tokens of bob" },
    { ...boss_, what: "channel.publish", on: "channel news, input main" },
    { by: "subject:ann", what: "channel.message", verdict: "allowed", rule: "right publish" },
    { by: "subject:bob", what: "channel.watch", on: "channel news", rule: "right watch" },
    { by: "subject:bob", what: "channel.message", verdict: "denied", rule: "token-denied" },
    { by: "subject:bob", what: "site.read", verdict: "denied", rule: "token-revoked" },
    { by: "subject:bob", what: "shell.attach", verdict: "denied", rule: "token-denied" },
    { by: "subject:bob", what: "site.read", on: "GET /api/audit", verdict: "denied" },
    { by: "anonymous", what: "shell.attach", verdict: "denied", rule: "token-forged" },
    { by: "anonymous", what: "channel.watch", verdict: "denied", rule: "token-malformed" },
    { by: "anonymous", what: "site.request", verdict: "denied", rule: "host-refused" },
    { by: "anonymous", what: "site.request", verdict: "denied", rule: "origin-refused" },
    { ...boss_, what: "config.set", verdict: "failed", rule: "config-invalid", reason: undefined },
    { what: "stream.create", on: "stream radio at north", verdict: "allowed" },
    { what: "stream.detach", on: "stream radio, agent agent", verdict: "denied" },
    { what: "policy.set", on: "policy streams/radio, 1 rule", verdict: "allowed" },
    { what: "stream.destroy", on: "stream radio", verdict: "allowed" },
    { what: "stream.inspect", on: "stream radio", verdict: "allowed" },
    { what: "code.upload", by: "subject:leader north", verdict: "allowed" },
    { what: "stream.create", by: "subject:leader north", label: "deploy", verdict: "allowed" },
  ] as const)
    assert.ok(has(wanted), `${JSON.stringify(wanted)}\n${text}`);
  const denied = records.find(
    ({ what, verdict }) => what === "stream.detach" && verdict === "denied",
  );
  assert.match(denied?.rule ?? "", /^policy streams\/radio, rule 1$/);
  assert.match(denied?.reason ?? "", /it is still needed/);
  for (const { token } of records) assert.match(token ?? "0123456789abcdef", /^[0-9a-f]{16,}$/);
});

test("[A50] the log goes on where it was when the site starts again", async () => {
  const data = join(root, "again");
  const settings = { name: "north", httpPort: 0, data };
  for (let run = 0; run < 2; run++) {
    await using site = await Site.start(settings, { plane: "local" });
    const { records } = await new SiteClient(site.url).audit({ what: "site.st*" });
    assert.deepEqual(
      records.map(({ what }) => what),
      run === 0 ? ["site.start"] : ["site.start", "site.stop", "site.start"],
    );
    await site.stop();
  }
  const numbers = (await recordsIn(data)).map(({ number }) => number);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
  );
});

test("[A54] a folder that cannot be used is told of, and the site has the newest records all the same", async () => {
  const data = join(root, "blocked");
  await mkdir(data);
  await writeFile(join(data, "audit"), "no folder");
  const told: string[] = [];
  const log = { ...SILENT, error: (message: string) => void told.push(message) };
  const audit = await SiteAudit.open({ data, site: "north", clock, log });
  audit.note({
    ...{ by: "anonymous", what: "site.read", on: "GET /api/site", verdict: "denied" },
    rule: "token-required",
  });
  assert.equal((await audit.find({ limit: 10 })).records.length, 1);
  assert.match(audit.reasons.join(), /^the audit log is not written: /);
  assert.deepEqual(told, ["There is no audit log on disk; requests go on."]);
  await audit.close();
});
