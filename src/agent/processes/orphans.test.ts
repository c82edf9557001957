import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";

/** A site of which nothing is left to end its processes. */
const SITE = `
  const here = process.argv[1];
  const { ConfinedProcess } = await import(here + "index.js");
  const script = new URL(here + "obedient-process.test.support.js");
  const child = new ConfinedProcess({ script, memoryMb: 64 });
  child.receive(() => {
    if (process.argv[2] === "loop") child.post([Buffer.from('{"task":"loop","slot":1}')]);
    const wait = () => {
      if (process.argv[2] !== "loop" || child.look()?.running === 1) console.log(child.pid);
      else setImmediate(wait);
    };
    wait();
  });
  child.post([Buffer.from('{"task":"answer","slot":0,"value":1}')]);
`;
/** What ends a process that reads nothing any more. */
const canEndLoops = process.platform === "linux" && existsSync("/usr/bin/setpriv");

for (const [task, skip] of [
  ["idle", false],
  ["loop", !canEndLoops],
] as const) {
  test(`a process ends with its site (${task})`, { skip }, async () => {
    const here = new URL(".", import.meta.url).href;
    const args = ["--input-type=module", "-e", SITE, here, task];
    const site = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(createInterface({ input: site.stdout }), "line")) as [string];
    const pid = Number(line);
    assert.ok(isAlive(pid));
    site.kill("SIGKILL");
    // The test runner ends this test when it never happens.
    while (isAlive(pid)) await new Promise((done) => setImmediate(done));
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (!existsSync("/proc/self")) return true;
    // One that has ended and that nobody waits for is listed until then.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch (error) {
    const { code } = error as { readonly code?: string };
    return code !== "ESRCH" && code !== "ENOENT";
  }
}
