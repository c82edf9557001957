import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Site } from "../site/index.ts";
import { meander } from "./meander.test.support.ts";

let folder: string;
let origin: Site;
let edge: Site;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-config-"));
  origin = await start({ name: "origin" });
  edge = await start({ name: "edge", join: origin.url });
});
after(async () => {
  await edge.stop();
  await origin.stop();
  await rm(folder, { recursive: true, force: true });
});

function start(settings: { readonly name: string; readonly join?: string }): Promise<Site> {
  const { name } = settings;
  return Site.start({ httpPort: 0, data: join(folder, name), ...settings }, { plane: "local" });
}

const run = (args: readonly string[], input = ""): ReturnType<typeof meander> =>
  meander(args, input, { MEANDER_SITE: origin.url });

test("routes are applied when `config set` returns, at the site that is named", async () => {
  const set = await run(["config", "set", "-", "--site", "edge"], '{ "upstreams": ["origin"] }');
  assert.equal(set.code, 0, set.stderr);
  assert.equal(set.stdout, `applied at ${edge.url}\n`);
  assert.deepEqual(edge.routes().upstreams, ["origin"]);
  assert.deepEqual(origin.routes().upstreams, []);
  const get = await run(["config", "get", "--site", "edge"]);
  assert.deepEqual(JSON.parse(get.stdout), edge.routes());
  const wrong = await run(["config", "set", "-", "--site", edge.url], '{ "upstreams": "north" }');
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /where: standard input: upstreams/);
});

test("a session of several sites has no default for `config`: one has to be named", async () => {
  for (const args of [
    ["config", "get"],
    ["config", "set", "-"],
  ]) {
    const { code, stderr } = await run(args, "{}");
    assert.equal(code, 2);
    assert.match(stderr, /several sites.*where: argument --site.*expected: one of edge, origin/s);
    assert.match(stderr, /next: add --site edge/);
  }
  const unknown = await run(["config", "get", "--site", "west"]);
  assert.match(unknown.stderr, /no site of the session has that name.*one of edge, origin/s);
});

test("the former key `connection` is taken, with a warning that names the file and the key", async () => {
  const routes = '{ "connection": "tcp", "upstreams": ["origin"] }';
  const set = await run(["config", "set", "-", "--site", "edge"], routes);
  assert.equal(set.code, 0, set.stderr);
  assert.equal(set.stderr, "warning: -: connection is now called stack; rename it\n");
  assert.equal(edge.routes().stack, "tcp");
});
