import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SiteClient } from "../src/site/index.ts";
import { nativeSender, programSender } from "../src/site/operations/notify-socket.ts";
import { endOf, json, MEANDER, type Running, start } from "./support/processes.ts";
import { findProgram, needs } from "./support/programs.ts";
import { until } from "./support/wait.ts";

const PYTHON = findProgram("python3");
const SHELL = findProgram("sh");
const SCRIPT = findProgram("script");
const UNIX = process.platform === "linux" ? false : "Linux alone";

/** Prints what arrives at a datagram socket in the file system, one line each, as a service manager reads it. */
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace("@", "\\0", 1) if sys.argv[1].startswith("@") else sys.argv[1])
print("bound", flush=True)
while True:
    print(s.recv(4096).decode().strip().replace("\\n", " "), flush=True)
`;

/** Why a sender of notices is not available; false: it is. */
function absenceOf(sender: string): string | false {
  if (sender !== "system calls") return needs({ "systemd-notify": findProgram("systemd-notify") });
  return nativeSender("/nowhere") === undefined ? "not installed: koffi" : false;
}

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-service-"));
});

after(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Up {
  readonly url: string;
  readonly pid: number;
}

async function startSite(
  name: string,
  more: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ readonly running: Running; readonly up: Up; readonly client: SiteClient }> {
  const args = [MEANDER, "site", "--json", "--name", name, "--http-port", "0"];
  const running = start(process.execPath, [...args, "--data", join(folder, name), ...more], env);
  const up = await running.line((line) => json<Up>(line));
  return { running, up, client: new SiteClient(up.url) };
}

/** Listens as a service manager does; `told` are the lines received so far. */
async function listen(address: string): Promise<Running & { told(): readonly string[] }> {
  const listener = start(PYTHON as string, ["-c", LISTENER, address]);
  await listener.line((line) => (line === "bound" ? true : undefined));
  return { ...listener, told: () => listener.stdout().trim().split("\n").slice(1) };
}

for (const [name, senderOf] of [
  ["system calls", nativeSender],
  ["systemd-notify", programSender],
] as const) {
  test(`a notice reaches a socket in the file system, and an abstract one, by ${name}`, {
    skip: UNIX || needs({ python3: PYTHON }) || absenceOf(name),
  }, async () => {
    for (const address of [
      join(folder, `${name.length}`),
      `@meander-${process.pid}-${name.length}`,
    ]) {
      const listener = await listen(address);
      try {
        const send = senderOf(address);
        assert.ok(send !== undefined);
        await send("READY=1\nSTATUS=two words\n");
        await until("the notice", () => {
          return listener.told().some((line) => line.endsWith("READY=1 STATUS=two words"));
        });
      } finally {
        await listener.stop();
      }
      await assert.rejects(async () => senderOf(address)?.("STOPPING=1\n"), Error);
    }
  });
}

test("a service manager learns that the site is ready, alive, reloads and stops; it does the restart", {
  skip: UNIX || needs({ python3: PYTHON }) || absenceOf("system calls"),
}, async () => {
  const address = join(folder, "notify");
  const listener = await listen(address);
  const heard = (words: RegExp): Promise<unknown> =>
    until(`${words}`, () => listener.told().some((line) => words.test(line)));
  try {
    const env = { NOTIFY_SOCKET: address, WATCHDOG_USEC: "1500000" };
    const { running } = await startSite("served", ["--log", "info"], env);
    try {
      await heard(/^READY=1 STATUS=ok: 0 channels/);
      await heard(/^WATCHDOG=1$/);
      running.child.kill("SIGHUP");
      await heard(/^RELOADING=1 MONOTONIC_USEC=\d+$/);
      await heard(/^READY=1$/);
      running.child.kill("SIGUSR2");
      await heard(/^STOPPING=1/);
      assert.equal(await endOf(running), 75, "the service manager starts it again");
      assert.doesNotMatch(running.stderr(), /cannot be told/);
    } finally {
      await running.stop();
    }
  } finally {
    await listener.stop();
  }
});

test("SIGHUP reads the configuration again: routes change live, an invalid file changes nothing", {
  skip: UNIX,
}, async () => {
  const file = join(folder, "site.json");
  await writeFile(file, JSON.stringify({ upstreams: ["west"], log: "info" }));
  const { running, client } = await startSite("reloaded", ["--config", file]);
  try {
    assert.deepEqual((await client.routes()).upstreams, ["west"]);
    await writeFile(file, JSON.stringify({ upstreams: ["east"], maxStreams: 7 }));
    running.child.kill("SIGHUP");
    await until("the new routes", async () => (await client.routes()).upstreams[0] === "east");
    await until("the settings that need a restart", () =>
      running.stderr().includes('"settings":["maxStreams"]'),
    );
    await writeFile(file, '{ "upstreams": [');
    running.child.kill("SIGHUP");
    await until("the refusal", () => running.stderr().includes("The configuration was refused"));
    assert.match(running.stderr(), /site\.json: line 1, column/);
    assert.deepEqual((await client.routes()).upstreams, ["east"]);
    running.child.kill("SIGTERM");
    assert.equal(await endOf(running), 0);
  } finally {
    await running.stop();
  }
});

test("lines for the journal have priorities and no colours", {
  skip: UNIX || needs({ sh: SHELL }),
}, async () => {
  // A file is as good as the journal's socket: the variable names whatever standard error is.
  const log = join(folder, "journal");
  const line = `exec 2>"$0"; export JOURNAL_STREAM=$(stat -c %d:%i "$0"); exec "$@"`;
  await writeFile(log, "");
  const args = [MEANDER, "site", "--json", "--name", "journal", "--http-port", "0"];
  const running = start(SHELL as string, [
    ...["-c", line, log, process.execPath, ...args],
    ...["--data", join(folder, "journal-data")],
  ]);
  try {
    await running.line((text) => json<Up>(text));
    const text = await until("a line", async () => {
      const now = await readFile(log, "utf8");
      return now.includes("The site is up.") ? now : undefined;
    });
    assert.match(text, /^<6>The site is up\. url=http:\/\/127/m);
    for (const each of text.trimEnd().split("\n")) assert.match(each, /^<[3-7]>/);
  } finally {
    await running.stop();
  }
});

test("top redraws a terminal in place, obeys its keys, and restores it", {
  skip: UNIX || needs({ script: SCRIPT, sh: SHELL }),
}, async () => {
  const { running, up } = await startSite("watched", []);
  const command = `stty cols 100 rows 24; "${process.execPath}" "${MEANDER}" top --interval 200ms --site ${up.url}`;
  const top = start(SCRIPT as string, ["-qec", command, "/dev/null"], { SHELL: SHELL as string });
  try {
    const screen = (): string => top.stdout();
    await until("the table", () => screen().includes("watched") && screen().includes("● ok"));
    assert.ok(screen().includes("\x1b[?1049h\x1b[?25l"), "it takes the whole screen");
    assert.ok(!screen().includes("sort by out"));
    top.child.stdin?.write("s");
    await until("another order", () => screen().includes("sort by out"));
    const before = screen().length;
    await until("another look", () => screen().length > before);
    assert.equal(screen().split("\x1b[2J").length, 2, "it is wiped once and redrawn in place");
    top.child.stdin?.write("q");
    assert.equal(await endOf(top), 0);
    assert.ok(screen().trimEnd().endsWith("\x1b[?7h\x1b[?25h\x1b[?1049l"), "the screen comes back");

    const once = start(process.execPath, [MEANDER, "top", "--site", up.url]);
    assert.equal(await endOf(once), 0);
    assert.match(once.stdout(), /watched +● ok leader/);
    assert.ok(!once.stdout().includes("\x1b"), "no colours and no drawing without a terminal");
    const objects = start(process.execPath, [
      ...[MEANDER, "top", "--json", "--interval", "100ms", "--site", up.url],
    ]);
    const first = await objects.line((line) => json<{ sites: { name: string }[] }>(line));
    assert.equal(first.sites[0]?.name, "watched");
    await until("an object for each look", () => objects.stdout().trim().split("\n").length >= 3);
    await objects.stop();
  } finally {
    await top.stop();
    await running.stop();
  }
});
