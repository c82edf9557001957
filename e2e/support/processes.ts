import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** The command line as it is published. */
export const MEANDER = join(root, "dist", "bundle", "cli.cjs");
if (!isNewerThanSource(MEANDER)) {
  // Compiled alone, without the rest of a build.
  const { status } = spawnSync(process.execPath, [join(root, "scripts", "bundle.js")], {
    stdio: "inherit",
  });
  if (status !== 0) throw new Error("the command line cannot be bundled");
}

/** A child process with what it printed. */
export interface Running {
  readonly child: ChildProcess;
  /** Everything on standard output so far. */
  stdout(): string;
  stderr(): string;
  /** The first line of standard output that `pick` finds something in. Rejects when the process ends first. */
  line<T>(pick: (line: string) => T | undefined): Promise<T>;
  /** Settles with the exit code (null: a signal). */
  readonly ended: Promise<number | null>;
  /** Ends it, by SIGTERM and after 5 s by SIGKILL. */
  stop(): Promise<void>;
}

/** Starts a program. */
export function start(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Running {
  const child = spawn(command, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", ...env },
  });
  let stdout = "";
  let stderr = "";
  const watchers = new Set<() => void>();
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    for (const watcher of watchers) watcher();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    line: (pick) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          for (const line of stdout.split("\n").slice(0, -1)) {
            const found = pick(line);
            if (found === undefined) continue;
            watchers.delete(look);
            resolve(found);
            return;
          }
        };
        watchers.add(look);
        void ended.then((code) => {
          look();
          reject(
            new Error(`${command} ${args.join(" ")} ended with ${code}: ${stderr.slice(-2000)}`),
          );
        });
        look();
      }),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Runs the command line. */
export function meander(...args: readonly string[]): Running {
  return start(process.execPath, [MEANDER, ...args]);
}

/** The same, in an environment with more variables. */
export function meanderWith(env: NodeJS.ProcessEnv, ...args: readonly string[]): Running {
  return start(process.execPath, [MEANDER, ...args], env);
}

/** The exit code of a process that ends by itself. Stops it, and rejects, when it has not after `withinMs`. */
export async function endOf(running: Running, withinMs = 30_000): Promise<number | null> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void running.stop();
  }, withinMs);
  const code = await running.ended;
  clearTimeout(timer);
  if (!isLate) return code;
  const { spawnargs } = running.child;
  throw new Error(`${spawnargs.join(" ")} did not end within ${withinMs} ms: ${running.stderr()}`);
}

/** Parses a line of JSON; undefined when it is none. */
export function json<T>(line: string): T | undefined {
  try {
    return JSON.parse(line) as T;
  } catch {
    return undefined;
  }
}

function isNewerThanSource(file: string): boolean {
  if (!existsSync(file)) return false;
  const { mtimeMs } = statSync(file);
  const src = join(root, "src");
  return readdirSync(src, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .every((name) => statSync(join(src, name)).mtimeMs <= mtimeMs);
}
