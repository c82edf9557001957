import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect, SiteClient } from "../client/index.ts";
import type { Shell } from "../session/shell/index.ts";
import { ADMIN_TOKEN_FILE } from "./access/token-issuer.ts";
import { Site } from "./site.ts";
import type { SitePorts } from "./site-ports.ts";

const LOCAL: SitePorts = { plane: "local" };
const ABOUT = { httpPort: 0, access: "tokens" } as const;

let folder: string;
let leader: Site;
let admin: Shell;
let token: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-own-policy-"));
  const data = join(folder, "origin");
  const policy = await file(
    "origin.json",
    '[{"effect":"deny","actions":["create"],"site":"origin"}]',
  );
  leader = await Site.start({ ...ABOUT, name: "origin", data, policy }, LOCAL);
  const authority = (await readFile(join(data, ADMIN_TOKEN_FILE), "utf8")).trim();
  admin = await connect(leader.url, { token: authority });
  const client = new SiteClient(leader.url, { token: authority });
  const asked = { name: "sites", can: ["join"] as const, channels: [], streams: [], sites: [] };
  ({ token } = await client.createToken({ ...asked, expiresInMs: 3_600_000 }));
});
after(async () => {
  await admin?.close();
  await leader?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

function start(name: string, policy: string | undefined): Promise<Site> {
  const data = join(folder, name);
  return Site.start({ ...ABOUT, name, data, policy, join: leader.url }, { ...LOCAL, token });
}

test("[A62] the policy of a site's start is in force before it takes anything", async () => {
  await assert.rejects(admin.createStream("radio", { at: "origin" }), {
    code: "denied",
    where: "policy sites/origin, rule 1",
  });
  const source = `export default { on: { judge: (ctx, { action, site }) =>
    action !== "create" || { effect: "deny", reason: site + " takes nothing new" } } }`;
  const path = await file("north.ts", source);
  const north = await start("north", path);
  try {
    const { "sites/north": shown } = await admin.policies();
    assert.ok(shown !== undefined && "code" in shown);
    assert.equal(shown.file, "north.ts");
    await assert.rejects(admin.createStream("radio", { at: "north" }), {
      code: "denied",
      where: `policy sites/north, code ${shown.code.slice(0, 12)}`,
      message: /north takes nothing new/,
    });
    const [change] = await admin.policyHistory("sites/north");
    assert.equal(change?.by, "site:north");
  } finally {
    await north.stop();
  }
});

test("[A62] a site whose policy is bad or refused does not start, and says what is wrong with which file", async () => {
  const cases: readonly [name: string, text: string, code: string, message: RegExp][] = [
    ["bad.json", "{", "config-invalid", /bad\.json/],
    ["list.json", '{"effect":"deny"}', "config-invalid", /list\.json: not a list/],
    [
      "rule.json",
      '[{"effect":"perhaps","actions":["move"]}]',
      "policy-invalid",
      /rules\[0\]\.effect/,
    ],
    [
      "append.ts",
      "export default { on: { append: () => 1 } }",
      "policy-invalid",
      /no judge handler/,
    ],
    ["syntax.ts", "export default {", "code-syntax", /syntax\.ts/],
  ];
  for (const [name, text, code, message] of cases) {
    const path = await file(name, text);
    await assert.rejects(start("south", path), (error: Error & { code: string }) => {
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    });
  }
  await assert.rejects(start("south", join(folder, "none.json")), {
    code: "config-invalid",
    message: /argument --policy .*none\.json: the file cannot be read/,
  });
  await admin.setPolicy("session", [
    { effect: "deny", actions: ["policy"], by: "site:*", reason: "the operator sets them" },
  ]);
  await assert.rejects(start("south", await file("good.json", "[]")), {
    code: "denied",
    message: /good\.json: policy session, rule 1: .*the operator sets them/,
  });
  await admin.setPolicy("session", []);
  const names = (await admin.sites()).join();
  assert.equal(names, "origin", "none of them has joined");
});

test("[A33] a site sets no other's policy", async () => {
  const north = await start("north", undefined);
  try {
    await using shell = north.openShell();
    for (const scope of ["sites/origin", "session"])
      await assert.rejects(shell.setPolicy(scope, []), { code: "denied" });
    assert.equal((await shell.policies())["session"], undefined);
    await shell.setPolicy("sites/north", []);
  } finally {
    await north.stop();
  }
});
