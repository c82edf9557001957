import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { delay, SystemClock } from "../base/index.ts";
import { connect, SiteClient } from "../client/index.ts";
import type { Right } from "../session/index.ts";
import type { Shell } from "../session/shell/index.ts";
import { ADMIN_TOKEN_FILE } from "./access/token-issuer.ts";
import { Site } from "./site.ts";

let folder: string;
let site: Site;
let client: SiteClient;
let authority: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-revoked-"));
  const data = join(folder, "north");
  const options = { httpPort: 0, access: "tokens", name: "north", data } as const;
  site = await Site.start(options, { plane: "local" });
  authority = (await readFile(join(data, ADMIN_TOKEN_FILE), "utf8")).trim();
  client = new SiteClient(site.url, { token: authority });
});
after(async () => {
  await site?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function tokenOf(name: string): Promise<string> {
  const can: readonly Right[] = ["shell", "code"];
  const scopes = { channels: [], streams: ["*"], sites: ["*"] };
  return (await client.createToken({ name, can, ...scopes, expiresInMs: 3_600_000 })).token;
}

/** Whether a message waits for its agents, and they have not run. */
async function waits(shell: Shell, stream: string): Promise<boolean> {
  const { waiting, current } = await shell.inspect(stream);
  return waiting > 0 || current !== undefined;
}

async function until(what: string, fact: () => Promise<boolean>): Promise<void> {
  const clock = new SystemClock();
  for (const end = clock.now() + 20_000; !(await fact()); ) {
    assert.ok(clock.now() < end, what);
    await delay(clock, "look", 50);
  }
}

test("[A75] agents of a revoked token run no more, their messages wait, and run when the subject has a token again", async () => {
  await using admin = await connect(site.url, { token: authority });
  const alice = await connect(site.url, { token: await tokenOf("alice") });
  const radio = await alice.createStream("radio");
  await radio.registerAgent({
    briefcase: { count: 0 },
    on: {
      append: (ctx) => {
        ctx.briefcase.count += 1;
        return ctx.briefcase.count;
      },
    },
  });
  assert.equal((await radio.append("first", { until: "consumed", timeoutMs: 10_000 })).reply, 1);
  const countOf = async (): Promise<unknown> =>
    (Object.values((await admin.inspect("radio")).briefcases)[0] as { count: number }).count;
  await client.revokeTokens({ name: "alice" });
  await alice.closed;
  await admin.append("radio", "second");
  await until("it waits", () => waits(admin, "radio"));
  assert.equal(await countOf(), 1);
  const stopped = await client.audit({ what: "code.stop" });
  assert.deepEqual(
    stopped.records.map(({ on, rule }) => [on, rule]),
    [["agents of subject:alice", "token-revoked"]],
  );
  await tokenOf("alice");
  await until("it runs", async () => (await countOf()) === 2);
  assert.equal((await client.audit({ what: "code.resume" })).records.length, 1);
});

test("[A75] who controls the stream has another agent take over what waits", async () => {
  await using admin = await connect(site.url, { token: authority });
  const bob = await connect(site.url, { token: await tokenOf("bob") });
  await bob.createStream("tv");
  await bob.registerAgent("tv", { name: "old", on: { append: () => "old" } });
  await client.revokeTokens({ name: "bob" });
  await bob.closed;
  const append = admin.append("tv", "news", { until: "consumed", timeoutMs: 30_000 });
  await until("it waits", () => waits(admin, "tv"));
  await admin.registerAgent("tv", { name: "new", on: { append: () => "new" } });
  await (await admin.open("tv")).agent("old").detach();
  assert.equal((await append).reply, "new");
});
