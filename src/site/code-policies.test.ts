import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { PolicyRequest } from "../agent/index.ts";
import { connect, SiteClient } from "../client/index.ts";
import type { Right } from "../session/index.ts";
import type { Shell } from "../session/shell/index.ts";
import { ADMIN_TOKEN_FILE } from "./access/token-issuer.ts";
import { Site } from "./site.ts";
import type { SitePorts } from "./site-ports.ts";

const LOCAL: SitePorts = { plane: "local" };

let folder: string;
let site: Site;
let authority: string;
let admin: Shell;
let alice: Shell;
let bob: Shell;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-policies-"));
  const data = join(folder, "north");
  site = await Site.start({ httpPort: 0, access: "tokens", name: "north", data }, LOCAL);
  const token = (await readFile(join(data, ADMIN_TOKEN_FILE), "utf8")).trim();
  admin = await connect(site.url, { token });
  authority = token;
  alice = await open(token, "alice", ["shell", "code", "policy"]);
  bob = await open(token, "bob", ["shell"]);
});
after(async () => {
  for (const shell of [admin, alice, bob]) await shell?.close();
  await site?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function open(authority: string, name: string, can: readonly Right[]): Promise<Shell> {
  const request = { name, can, channels: [], streams: ["*"], sites: ["*"], expiresInMs: 3_600_000 };
  const { token } = await new SiteClient(site.url, { token: authority }).createToken(request);
  return connect(site.url, { token });
}

test("a policy that is code sees who asks for what, and its reason is told", async () => {
  await admin.setPolicy("session", {
    briefcase: { seen: 0 },
    on: {
      judge: (ctx, { action, by, label, owner, site: at, stream }: PolicyRequest) => {
        if (by === "subject:alice" && action === "create") return true;
        ctx.briefcase.seen += 1;
        const who = `${by} ${typeof label} ${ctx.briefcase.seen}`;
        const text = `${action} ${stream} of ${owner} at ${at} by ${who}`;
        return { effect: "deny" as const, reason: text };
      },
    },
  });
  await alice.createStream("radio");
  const denied = { code: "denied" };
  await assert.rejects(bob.createStream("tv"), {
    ...denied,
    message: /create tv of undefined at north by subject:bob string 1/,
  });
  await assert.rejects((await alice.open("radio")).destroy(), {
    ...denied,
    message: /destroy radio of subject:alice at north by subject:alice string 2/,
  });
  await assert.rejects(alice.inspect("radio"), {
    ...denied,
    message: /inspect radio of subject:alice/,
  });
  const { session } = await admin.policies();
  assert.ok(session !== undefined && "code" in session);
  assert.match(session.code, /^[0-9a-f]{64}$/);
});

test("it is replaced between two requests; code that cannot judge changes nothing", async () => {
  await admin.setPolicy("session", definition("first"));
  await assert.rejects(bob.createStream("tv"), { message: /first/ });
  const faults: readonly [source: string, code: string][] = [
    ["export default { on: { append: () => 1 } }", "policy-invalid"],
    ["export default { on: { judge: 5 } }", "code-invalid"],
    ["export default", "code-syntax"],
    ["null.x; export default {}", "code-failed"],
  ];
  for (const [source, code] of faults) {
    await assert.rejects(admin.setPolicy("session", { source, file: "p.ts" }), { code }, source);
    await assert.rejects(bob.createStream("tv"), { message: /first/ });
  }
  await admin.setPolicy("session", definition("second"));
  await assert.rejects(bob.createStream("tv"), { message: /second/ });
  await admin.setPolicy("session", []);
  await bob.createStream("tv");
});

test("who may set a policy always replaces it, whatever it says", async () => {
  await admin.setPolicy("session", definition("nothing at all"));
  await assert.rejects(admin.createStream("news"), { message: /nothing at all/ });
  await admin.setPolicy("session", []);
  assert.deepEqual((await admin.policies())["session"], undefined);
});

test("code needs the right to bring code, and the policy of a scope its own", async () => {
  const one = definition("no");
  await assert.rejects(bob.setPolicy("streams/tv", one), { code: "token-denied" });
  await assert.rejects(bob.setPolicy("session", one), { code: "denied" });
  await assert.rejects(bob.setPolicy("streams/radio", one), { code: "denied" });
  await alice.setPolicy("streams/radio", one);
  await assert.rejects((await alice.open("radio")).destroy(), { message: /no/ });
  await alice.setPolicy("streams/radio", []);
});

test("to allow gives no control over a stream of others", async () => {
  await alice.setPolicy("streams/radio", {
    source: "export default { on: { judge: () => true } }",
  });
  await assert.rejects((await bob.open("radio")).destroy(), { code: "denied" });
  await assert.rejects(bob.inspect("radio"), { code: "denied" });
  assert.deepEqual((await alice.inspect("radio")).deadLetters, []);
  await (await alice.open("radio")).destroy();
});

function definition(reason: string): { source: string } {
  const verdict = JSON.stringify({ effect: "deny", reason });
  return { source: `export default { on: { judge: () => (${verdict}) } }` };
}

test("[A60] who may attach shells and change the configuration is judged, by rules and by code", async () => {
  const rules = (actions: readonly string[]): readonly unknown[] => [
    { effect: "deny", actions, by: "subject:carol", reason: "not today" },
    { effect: "deny", actions: ["configure"], reason: "it is frozen" },
  ];
  const carol = (): Promise<Shell> => open(authority, "carol", ["shell"]);
  const client = new SiteClient(site.url, { token: authority });
  await admin.setPolicy("sites/north", rules(["client-attach"]));
  await assert.rejects(carol(), {
    code: "denied",
    where: "policy sites/north, rule 1",
    message: /carol may not attach a shell to north: not today/,
  });
  const routes = site.routes();
  await assert.rejects(client.setRoutes(routes), {
    code: "denied",
    message: /may not configure north: it is frozen/,
  });
  await admin.setPolicy("sites/north", {
    briefcase: { attached: 0 },
    on: {
      judge: (ctx, { action, by }: PolicyRequest) => {
        if (by !== "subject:carol") return action !== "configure";
        ctx.briefcase.attached += action === "client-detach" ? -1 : 1;
        return { effect: ctx.briefcase.attached > 1 ? "deny" : "allow", reason: "one is enough" };
      },
    },
  });
  const one = await carol();
  await assert.rejects(carol(), { code: "denied", message: /one is enough/ });
  await assert.rejects(client.setRoutes(routes), { code: "denied" });
  await admin.setPolicy("sites/north", []);
  await one.close();
  await client.setRoutes(routes);
  const { records } = await client.audit({ limit: 100 });
  const denied = records.filter(({ verdict }) => verdict === "denied");
  const about = denied.map(
    ({ what, by, rule }) => `${what} ${by} ${rule.replace(/[0-9a-f]{12}/, "#")}`,
  );
  for (const noted of [
    "shell.attach subject:carol policy sites/north, rule 1",
    "shell.attach subject:carol policy sites/north, code #",
  ])
    assert.ok(about.includes(noted), `${noted} in ${about.join("; ")}`);
  assert.ok(about.some((each) => /^config.set .* policy sites\/north, rule 2$/.test(each)));
});

test("[A46] a story and events are read by those that a policy lets inspect", async () => {
  await alice.createStream("tv-2");
  const keeper = {
    name: "keeper",
    on: { append: (ctx: { log(line: unknown): void }) => ctx.log(1) },
  };
  await alice.registerAgent("tv-2", keeper);
  await admin.setPolicy("session", {
    source: `export default { on: { judge: (ctx, { action, by }) =>
      action !== "inspect" || by === "subject:alice" || { effect: "deny", reason: "private" } } }`,
  });
  const seen: string[] = [];
  const readers = { alice, admin };
  const stop = new AbortController();
  const reading = Object.entries(readers).map(async ([name, shell]) => {
    const events = shell.events({ stream: "tv-2" }, { signal: stop.signal });
    for await (const { type } of events) {
      seen.push(`${name} ${type}`);
      if (type === "destroyed") return;
    }
  });
  const { id } = await (await alice.open("tv-2")).append(1, { until: "consumed" });
  await assert.rejects(admin.why(id), {
    code: "denied",
    message: /may not inspect tv-2 .*private/,
  });
  assert.equal((await alice.why(id)).state, "consumed");
  await (await alice.open("tv-2")).destroy();
  await Promise.all(reading);
  assert.ok(seen.includes("alice output"));
  assert.deepEqual(
    seen.filter((each) => each.startsWith("admin ")),
    ["admin denied", "admin destroyed"],
  );
  await admin.setPolicy("session", []);
});
