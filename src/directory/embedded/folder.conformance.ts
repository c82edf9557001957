/** What the tests of directories on disk share. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom, SILENT, VirtualClock } from "../../base/index.ts";
import { EmbeddedDirectory } from "./embedded-directory.ts";

/** A temporary folder for a test. */
export class Folder {
  readonly path: string = mkdtempSync(join(tmpdir(), "meander-directory-"));

  open(
    clock: VirtualClock = new VirtualClock(),
    seed = Math.trunc(clock.wall()),
  ): Promise<EmbeddedDirectory> {
    return EmbeddedDirectory.open({
      path: this.path,
      clock,
      random: new SeededRandom(seed),
      log: SILENT,
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/**
 * A process that runs `program`, which has the classes named in `source`.
 *
 * @param wrap a command, and its arguments, that starts it
 */
export function spawnProgram(program: string, wrap: readonly string[] = []): ChildProcess {
  const layer = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);
  const source = `
    const { EmbeddedDirectory } = await import(${layer("./embedded-directory.js")});
    const { LoggedStore } = await import(${layer("./logged-store.js")});
    const { SystemClock, SystemRandom, SILENT } = await import(${layer("../../base/index.js")});
    ${program}`;
  const node = [process.execPath, "--input-type=module", "-e", source];
  const [command = process.execPath, ...args] = [...wrap, ...node];
  return spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
}

/** Settles when the process has ended. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
