import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { Site } from "../site/index.ts";
import { MAIN, meander } from "./meander.test.support.ts";

/** Nothing listens there. */
const NOWHERE = "http://127.0.0.1:1";

let folder: string;
let site: Site;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-cli-"));
  site = await Site.start(
    { name: "origin", httpPort: 0, data: join(folder, "data") },
    { plane: "local" },
  );
});
after(async () => {
  await site.stop();
  await rm(folder, { recursive: true, force: true });
});

const at = (): string[] => ["--site", site.url];

test("help names every verb and ends with 0", async () => {
  const { code, stdout } = await meander(["--help"]);
  assert.equal(code, 0);
  for (const verb of [
    "site",
    "demo",
    "publish",
    "play",
    "sites",
    "channels",
    "streams",
    "stream",
    "why",
    "run",
    "sim",
    "policy",
    "status",
    "config",
    "stop",
    "doctor",
  ]) {
    assert.match(stdout, new RegExp(`^  ${verb}\\b`, "m"));
  }
});

test("wrong arguments end with 2 and say what, where, what was expected and what to do", async () => {
  const cases: [string[], RegExp][] = [
    [["sit"], /^error: unknown command 'sit'.*next: see meander --help/s],
    [
      ["site"],
      /^error: the site has no name.*where: argument --name.*expected: .*next: add --name/s,
    ],
    [["site", "--name", "North"], /^error: got "North".*where: argument --name/s],
    [
      ["site", "--name", "a", "--http-port", "x"],
      /^error: got "x".*where: argument --http-port.*expected: a whole number from 0 to 65535/s,
    ],
    [
      ["site", "--name", "a", "--join", "here"],
      /where: argument --join.*expected: an address such as/s,
    ],
    [["publish"], /^error: missing required argument 'channel'.*see meander publish --help/s],
    [["--json", "token", "create"], /"next":"see meander token create --help"/],
    [["publish", "clip"], /^error: nothing to publish.*expected: one of --file/s],
    [["publish", "clip", "--text", "--file", "x"], /^error: more than one thing to publish/],
    [
      ["publish", "clip", "--ffmpeg", "x", "--video", "av1"],
      /^error: option '--video <codec>' argument 'av1' is invalid/,
    ],
    [["status", "--nothing"], /^error: unknown option '--nothing'/],
    [
      ["stream", "create", "foo", "--durability", "disk"],
      /^error: got "disk".*where: argument --durability.*expected: none, message, or checkpoint:N/s,
    ],
    [
      ["stream", "move", "foo", "two", "--deadline", "soon"],
      /^error: got "soon".*where: argument --deadline/s,
    ],
    [["stream", "append", "foo"], /^error: nothing to append.*expected: a value, or --file FILE/s],
    [
      ["stream", "append", "foo", "1", "--timeout", "5"],
      /^error: nothing to wait.*next: add --wait/s,
    ],
    [
      ["stream", "replace", "foo", "agent", "apend", "x.ts"],
      /^error: got "apend".*expected: one of init, append/s,
    ],
    [["stream", "replace", "foo", "agent", "append"], /^error: no handler.*a file, or --remove/s],
    [["stream", "watch", "--type", "moves"], /^error: got "moves".*where: argument --type/s],
    [
      ["stream", "attach", "foo", "x.ts", "--briefcase", "[]"],
      /^error: got \[\].*argument --briefcase.*a JSON object/s,
    ],
    [["site", "--leave-within", "soon"], /^error: got "soon".*argument --leave-within/s],
    [["why", "foo>bar"], /^error: got "foo>bar".*next: put it in quotes/s],
    [["policy", "set", "all", "x.json"], /^error: got "all".*expected: session, sites\/NAME/s],
    [["site", "leave"], /^error: missing required argument 'name'/],
    [["test", "send", "a", "--rate", "1x"], /^error: got "1x".*where: argument --rate/s],
    [["test", "send", "a", "--adapt", "-1"], /^error: got "-1".*where: argument --adapt/s],
    [["token", "revoke", "nope"], /^error: got "nope".*where: argument \[id\].*token list/s],
    [["test", "receive", "a", "--seconds", "0"], /^error: got "0".*where: argument --seconds/s],
    [["sim", "x.ts", "--seed", "a"], /^error: got "a".*where: argument --seed/s],
  ];
  for (const [args, expected] of cases) {
    const { code, stderr } = await meander(args);
    assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, expected);
    assert.doesNotMatch(stderr, /\bat .*\.js/, "no stack trace for what the user did");
  }
});

test("a configuration that is wrong ends with 2 and names the place", async () => {
  const file = join(folder, "north.json");
  await writeFile(file, '{ "name": "north", "upstream": [] }');
  const unknown = await meander(["site", "--config", file]);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /where: .*north\.json: upstream/);
  const missing = await meander(["site", "--config", `${file}.not`]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /cannot be read/);
});

test("only a site of the session can leave it, and `leave` has options of its own", async () => {
  const { code, stderr } = await meander(["site", "leave", "nobody", "--json", ...at()]);
  assert.equal(code, 1, stderr);
  const { error } = JSON.parse(stderr) as { error: Record<string, string> };
  assert.equal(error["code"], "site-unknown");
  assert.equal(error["expected"], "one of origin");
});

test("a script that cannot be read ends with 1 and shows the place", async () => {
  const file = join(folder, "broken.ts");
  await writeFile(file, "export default () => {\n  let = 3: number;\n};\n");
  for (const verb of ["run", "sim"]) {
    const { code, stderr } = await meander([verb, file]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^error: .*\n.*let = 3: number.*\n +\^.*where: .*broken\.ts:2:\d+/s);
    const missing = await meander([verb, `${file}.not`, "--json", "--", "--text"]);
    assert.equal(missing.code, 1);
    const { error } = JSON.parse(missing.stderr) as { error: { code: string } };
    assert.equal(error.code, "script-missing");
  }
});

test("a taken port ends with 1 and says what to do", async () => {
  const port = `${site.record.http.port}`;
  const { code, stderr } = await meander([
    "site",
    "--name",
    "other",
    "--http-port",
    port,
    "--data",
    join(folder, "other"),
  ]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^error: the port is taken.*where: 127\.0\.0\.1:\d+.*next: choose another --http-port/s,
  );
});

test("a site that does not answer ends with 1, also in JSON", async () => {
  const { code, stderr } = await meander(["sites", "--site", NOWHERE, "--json"]);
  assert.equal(code, 1);
  const { error } = JSON.parse(stderr) as { error: { code: string; where: string } };
  assert.equal(error.code, "site-unreachable");
  assert.equal(error.where, NOWHERE);
});

test("sites, channels and status print tables for people and one JSON value for programs", async () => {
  const sites = await meander(["sites", ...at()]);
  assert.match(
    sites.stdout,
    /^NAME +ADDRESS +UDP +ROLE +PID\norigin +http:\/\/127\.0\.0\.1:\d+\/ .*leader/,
  );
  assert.doesNotMatch(
    sites.stdout,
    new RegExp(String.fromCharCode(27)),
    "no colours where there is no terminal",
  );
  const json = JSON.parse((await meander(["sites", ...at(), "--json"])).stdout) as {
    name: string;
  }[];
  assert.equal(json[0]?.name, "origin");
  const channels = await meander(["channels", ...at(), "--json"]);
  assert.ok(Array.isArray(JSON.parse(channels.stdout)));
  const status = JSON.parse((await meander(["status", ...at(), "--json"])).stdout) as {
    health: { status: string };
  };
  assert.equal(status.health.status, "ok");
  assert.match((await meander(["status", ...at()])).stdout, /^origin ok, up \d+ s/);
});

test("lines of standard input become messages, and the channel is listed", async () => {
  const { code, stdout, stderr } = await meander(
    ["publish", "news", "--text", "--json", ...at()],
    "one\ntwo\n",
  );
  assert.equal(code, 0, stderr);
  assert.equal((JSON.parse(stdout) as { channel: string }).channel, "news");
  const listed = await meander(["channels", ...at()]);
  assert.match(listed.stdout, /^news /m);
});

test("a channel that is not there cannot be played", async () => {
  const { code, stderr } = await meander(["play", "nothing", ...at()]);
  assert.equal(code, 1);
  assert.match(stderr, /^error: no channel of the session has that name/);
});

test("the doctor finds a machine that runs these tests well enough", async () => {
  const { code, stdout } = await meander(["doctor", "--json"]);
  const checks = JSON.parse(stdout) as { name: string; status: string }[];
  assert.equal(code, 0, stdout);
  for (const name of ["node", "ports", "udp", "udp buffers", "directory", "disk", "ffmpeg"]) {
    assert.ok(
      checks.some((check) => check.name === name && check.status !== "fail"),
      name,
    );
  }
});

test("a file that cannot be written is refused in words, and nothing is left behind", async () => {
  const missing = join(folder, "no-such-folder", "file");
  const script = join(folder, "script.ts");
  await writeFile(script, "export default async () => {};");
  const verbs = [
    ["play", "clip", "--text", "--output", missing, ...at()],
    ["test", "receive", "clip", "--log", missing, ...at()],
    ["sim", script, "--until", "1000", "--trace", missing],
  ];
  for (const verb of verbs) {
    const { code, stderr } = await meander(verb);
    assert.equal(code, 1, verb.join(" "));
    assert.match(
      stderr,
      /^error: .*no such file.*where: argument --.*expected: .*folder that exists/s,
    );
    assert.doesNotMatch(stderr, /node:internal/);
  }
});

test("a verb ends in order when its output is no longer read", async () => {
  const script = join(folder, "talkative.ts");
  await writeFile(
    script,
    "export default () => { for (let i = 0; i < 1e5; i++) console.log(i); };",
  );
  const line =
    '"$0" "$1" sim "$2" --until 1000 | head -c 1 >/dev/null; echo "$' + '{PIPESTATUS[0]}"';
  const { stdout, stderr } = await promisify(execFile)("bash", [
    ...["-c", line, process.execPath, MAIN, script],
  ]);
  assert.equal(stderr, "");
  assert.equal(stdout, "0\n");
});
