import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { startFfmpeg } from "./ffmpeg-process.ts";

const folder = mkdtempSync(join(tmpdir(), "meander-ffmpeg-"));
const savedPath = process.env["PATH"];
after(() => {
  process.env["PATH"] = savedPath;
  rmSync(folder, { recursive: true, force: true });
});

const skip = process.platform === "win32" ? "needs a POSIX shell" : false;

/** Puts a program called ffmpeg first in PATH, which notes its process id in `pid` and does what `script` says. */
function fakeFfmpeg(script: string): void {
  const file = join(folder, "ffmpeg");
  writeFileSync(file, `#!/bin/sh\necho $$ > ${join(folder, "pid")}\n${script}\n`);
  chmodSync(file, 0o755);
  rmSync(join(folder, "pid"), { force: true });
  process.env["PATH"] = `${folder}:${savedPath}`;
}

async function until<T>(what: string, look: () => T | undefined): Promise<T> {
  for (let turn = 0; turn < 1_000; turn++) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`not within 20 s: ${what}`);
}

function pidOf(): Promise<number> {
  return until("the fake ffmpeg runs", () => {
    try {
      return Number(readFileSync(join(folder, "pid"), "utf8").trim()) || undefined;
    } catch {
      return undefined;
    }
  });
}

function untilGone(pid: number): Promise<true> {
  return until(`process ${pid} has ended`, () => {
    try {
      process.kill(pid, 0);
      return undefined;
    } catch {
      return true;
    }
  });
}

test("ffmpeg ends when the process that started it is killed", { skip }, async () => {
  fakeFfmpeg("exec sleep 600");
  const module = JSON.stringify(new URL("./ffmpeg-process.js", import.meta.url).href);
  const code = `const { startFfmpeg } = await import(${module}); await startFfmpeg([]); setInterval(() => {}, 1000);`;
  const parent: ChildProcess = spawn(process.execPath, ["--input-type=module", "-e", code], {
    stdio: "ignore",
  });
  const pid = await pidOf();
  parent.kill("SIGKILL");
  await untilGone(pid);
});

test("ffmpeg that is stopped ends in order, whatever its exit code", { skip }, async () => {
  fakeFfmpeg("exec sleep 600");
  const running = await startFfmpeg([]);
  const pid = await pidOf();
  running.stop();
  running.stop();
  assert.equal((await running.ended).isOrderly, true);
  await untilGone(pid);
});

test("ffmpeg that ends by itself leaves its exit code, or its last words", { skip }, async () => {
  fakeFfmpeg('test "$1" = "-i" || exit 7; exit 0');
  assert.deepEqual(await (await startFfmpeg([])).ended, {
    isOrderly: false,
    words: "ffmpeg ended with code 7",
  });
  assert.equal((await (await startFfmpeg(["-i", "two words"])).ended).isOrderly, true);
  fakeFfmpeg('echo "no such device" >&2; exit 1');
  assert.deepEqual(await (await startFfmpeg([])).ended, {
    isOrderly: false,
    words: "no such device",
  });
});

test("without ffmpeg in PATH the error says so before anything is started", { skip }, async () => {
  process.env["PATH"] = join(folder, "nothing");
  await assert.rejects(startFfmpeg([]), { code: "ffmpeg-missing" });
});
