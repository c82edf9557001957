import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { MAIN } from "./meander.test.support.ts";
import { BAR } from "./noting-port.test.support.ts";
import { NotingSite } from "./noting-site.test.support.ts";

let folder: string;
let url: string;
const site = new NotingSite();
const { calls } = site;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-verbs-"));
  url = await site.open();
});
after(async () => {
  await site.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  calls.length = 0;
});

/** What it printed; it must have ended well. */
async function meander(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function run(
  args: readonly string[],
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const words = args[0] === "policy" ? 2 : 1;
  const whole = [MAIN, ...args.slice(0, words), "--site", url, ...args.slice(words)];
  const child = spawn(process.execPath, whole);
  return ended(child);
}

async function ended(child: ReturnType<typeof spawn>) {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (text) => {
    stdout += String(text);
  });
  child.stderr?.on("data", (text) => {
    stderr += String(text);
  });
  const [code] = (await once(child, "close")) as [number];
  return { code, stdout, stderr };
}

/** `meander stream VERB …` */
function stream(verb: string, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [MAIN, "stream", verb, "--site", url, ...args]);
  return ended(child).then(({ code, stdout, stderr }) => {
    assert.equal(code, 0, stderr);
    return stdout;
  });
}

test("streams are listed in a table, and in JSON", async () => {
  assert.equal(
    await meander("streams"),
    "NAME  AT   EPOCH  AGENTS  DURABILITY  STATUS\nbar   two  3      a b     message     live\n",
  );
  assert.deepEqual(JSON.parse(await meander("streams", "--json")), [
    JSON.parse(JSON.stringify(BAR)),
  ]);
});

test("a stream is created, moved and destroyed as asked", async () => {
  await stream(
    ...(["create", "bar", "--at", "two", "--durability", "checkpoint:5"] as const),
    ...["--failure-managers", "one,three"],
  );
  assert.equal(
    await stream("move", "bar", "one", "--deadline", "500"),
    "bar moved from two to one in 3.2 ms (epoch 4)\n",
  );
  assert.equal(await stream("destroy", "bar"), "bar is destroyed\n");
  assert.deepEqual(calls, [
    [
      "createStream",
      "bar",
      {
        at: "two",
        durability: { type: "checkpoint", every: 5 },
        failureManagers: ["one", "three"],
      },
    ],
    ["move", "bar", "one", 500],
    ["destroyStream", "bar"],
  ]);
});

test("messages are appended in order: those typed, then that of the file", async () => {
  const file = join(folder, "message.json");
  await writeFile(file, '{"from": "file"}\n');
  assert.equal(
    await stream("append", "bar", '{"a":1}', "Hello world", "17", "--file", file),
    "shell-1>bar#1\nshell-1>bar#2\nshell-1>bar#3\nshell-1>bar#4\n",
  );
  assert.deepEqual(
    calls.map(([, , value]) => value),
    [{ a: 1 }, "Hello world", 17, { from: "file" }],
  );
});

test("with --wait the reply is shown", async () => {
  assert.equal(
    await stream("append", "bar", "1", "--wait", "--timeout", "900"),
    "shell-1>bar#1 { sum: 3, big: 4n }\n",
  );
  assert.deepEqual(calls, [["append", "bar", 1, "consumed", 900]]);
  assert.deepEqual(JSON.parse(await stream("append", "bar", "1", "--wait", "--json")), [
    { id: "shell-1>bar#2", reply: { sum: 3, big: "4" } },
  ]);
});

test("agents are attached, changed and detached", async () => {
  const file = join(folder, "agent.ts");
  const source = "export default { on: {} };";
  await writeFile(file, source);
  await stream("attach", "bar", file, "--name", "counter", "--briefcase", '{"count":3}');
  const handler = join(folder, "handler.ts");
  await writeFile(handler, "(ctx, message) => message");
  await stream("replace", "bar", "counter", "append", handler);
  await stream("replace", "bar", "counter", "timer", "--remove");
  await stream("detach", "bar", "counter");
  assert.deepEqual(calls, [
    ["attachAgent", "bar", { source, file, name: "counter", briefcase: { count: 3 } }],
    ["replaceHandler", "bar", "counter", "append", "(ctx, message) => message", UNSIGNED],
    ["replaceHandler", "bar", "counter", "timer", null, UNSIGNED],
    ["detachAgent", "bar", "counter"],
  ]);
});

const UNSIGNED = { signed: undefined };

test("dead letters are listed, and dealt with", async () => {
  assert.match(await stream("dead", "bar"), /^foo>bar#1 +4 +Error: bad +\{ a: 1n \}$/m);
  await stream("skip", "bar", "foo>bar#1");
  await stream("retry", "bar", "foo>bar#1");
  await stream("replay", "bar", "foo>bar#1");
  await stream("replay", "bar", "foo>bar#1", "--edit", '{"a":2}');
  assert.deepEqual(calls, [
    ["deadLetter", "bar", "foo>bar#1", "skip", undefined],
    ["deadLetter", "bar", "foo>bar#1", "retry", undefined],
    ["deadLetter", "bar", "foo>bar#1", "replay", undefined],
    ["deadLetter", "bar", "foo>bar#1", "replay", { a: 2 }],
  ]);
});

test("a stream and a message tell how they are", async () => {
  assert.match(await stream("inspect", "bar"), /briefcase of a\nMap\(1\) \{ 'foo' => 3 \}/);
  const json = JSON.parse(await stream("inspect", "bar", "--json")) as Record<string, unknown>;
  assert.deepEqual(json["briefcases"], { a: { foo: 3 } });
  assert.equal(
    await meander("why", "foo>bar#7"),
    "foo>bar#7 is waiting\n  It waits behind 3 others.\n",
  );
});

test("policies are set from a file, and shown", async () => {
  const file = join(folder, "rules.json");
  await writeFile(file, '[{"effect":"deny","actions":["move"]}]');
  const set = spawn(process.execPath, [MAIN, "policy", "set", "site:two", file, "--site", url]);
  assert.equal((await ended(set)).stdout, "done\n");
  assert.deepEqual(calls, [["setPolicy", "sites/two", [{ effect: "deny", actions: ["move"] }]]]);
  const show = spawn(process.execPath, [MAIN, "policy", "show", "--site", url]);
  assert.match(
    (await ended(show)).stdout,
    /^sites\/two, set [-\d]{10} [:\d]{8} by subject:ops \(shell-1\), number 2\n {2}\{"effect":"deny","actions":\["move"\]\}\n$/,
  );
});

test("what a scope's policy was is listed, and set again", async () => {
  const lines = (await meander("policy", "history", "site:two")).trimEnd().split("\n");
  assert.match(lines[0] ?? "", /^ +NUMBER +SET +BY +POLICY$/);
  assert.match(lines[1] ?? "", /^\* +2 +[-\d]{10} [:\d]{8} +subject:ops \(shell-1\) +1 rule$/);
  assert.match(lines[2] ?? "", /^ +1 .* code c0dec0dec0de quota\.ts$/);
  const back = await meander("policy", "rollback", "sites/two");
  assert.equal(back, "done: number 1 is in force again\n");
  assert.equal(
    await meander("policy", "rollback", "sites/two", "7", "--json"),
    '{"scope":"sites/two","number":7}\n',
  );
  const file = join(folder, "tried.json");
  await writeFile(file, "[]");
  const tried = await meander("policy", "try", file, "--scope", "site:two", "--last", "5");
  assert.match(tried, /bob \(shell-2\) +create +tv at north +allowed +denied +two are enough\n/);
  assert.match(tried, /\n812 requests, 1 would be refused that was allowed, 1 the other way; 0 /);
  assert.deepEqual(calls.pop(), ["tryPolicy", "sites/two", [], 5]);
  assert.deepEqual(calls, [
    ["policyHistory", "sites/two"],
    ["rollbackPolicy", "sites/two", undefined],
    ["rollbackPolicy", "sites/two", 7],
  ]);
});

test("watching prints events until Ctrl-C, and ends well", async () => {
  const child = spawn(process.execPath, [MAIN, "stream", "watch", "bar", "--json", "--site", url]);
  child.stdout.once("data", () => child.kill("SIGINT"));
  const { code, stdout, stderr } = await ended(child);
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), { type: "created", at: 1_000, site: "two", stream: "bar" });
});

test("an unknown stream is not watched in silence", async () => {
  const child = spawn(process.execPath, [MAIN, "stream", "watch", "nothing", "--site", url]);
  const { code, stderr } = await ended(child);
  assert.equal(code, 1);
  assert.match(stderr, /error: no stream of the session has that name\n {2}where: stream nothing/);
});

test("a script runs in a shell, with its arguments; what agents print is printed beside it", async () => {
  const file = join(folder, "script.ts");
  await writeFile(
    file,
    `export default async function (shell: { append(stream: string, value: unknown): Promise<unknown> }, args: string[]) {
      await shell.append("bar", args);
      console.log("said", args.length satisfies number);
    }`,
  );
  const lines = (await meander("run", file, "one", "--", "--json")).trim().split("\n");
  assert.deepEqual(lines.sort(), ["said 2", 'two bar/a: got ["one","--json"]']);
  assert.equal(await meander("run", file, "--quiet"), "said 0\n");
});

test("what a script does not catch ends it with 1 and the place, also where it is not awaited", async () => {
  const file = join(folder, "fails.ts");
  const floating = join(folder, "floats.ts");
  await writeFile(
    file,
    `type Shell = { open(name: string): Promise<unknown> };

export default async (shell: Shell): Promise<void> => {
  await shell.open("nothing");
};
`,
  );
  await writeFile(
    floating,
    `export default async (): Promise<void> => {
  void Promise.reject(new RangeError("nobody waits"));
  await new Promise(() => {});
};
`,
  );
  const awaited = await run(["run", file]);
  assert.equal(awaited.code, 1);
  assert.match(awaited.stderr, /^error: no stream of the session has that name/);
  assert.match(awaited.stderr, /where: stream nothing, asked for at .*fails\.ts/);
  const floated = await run(["run", floating, "--json"]);
  assert.equal(floated.code, 1);
  const { error } = JSON.parse(floated.stderr) as { error: Record<string, string> };
  assert.equal(error["what"], "RangeError: nobody waits");
  assert.match(error["where"] ?? "", /floats\.ts:2:23$/);
});
