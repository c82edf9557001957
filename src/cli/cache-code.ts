import Module from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { CodeCache } from "./code-cache.ts";

/** When to write what was compiled, after the start, ms: a site is up by then, on a busy machine too. */
const SAVE_MS = 5_000;

/**
 * Keeps what V8 compiles of this program for the next process that runs it in the same `role`: by Node's compile cache
 * where
 * it has one (22.1 and later), else by {@link CodeCache}. `NODE_DISABLE_COMPILE_CACHE=1` switches both off.
 *
 * @param role what of the program runs, as a file may be called: `site`, `plane-worker`
 */
export function cacheCode(role: string): void {
  const folder = cacheFolder();
  if (folder === undefined) return;
  const { enableCompileCache } = Module as { enableCompileCache?: (folder: string) => void };
  if (enableCompileCache !== undefined) {
    enableCompileCache(folder);
    return;
  }
  const program = import.meta.dirname;
  // Beside each other: copies of the program, versions of Node, and those of V8 with other options.
  const variant = crc32([program, process.version, process.arch, ...process.execArgv].join("\0"));
  const cache = new CodeCache(join(folder, `${role}-${variant.toString(16)}.bin`), program);
  cache.install();
  process.once("exit", () => cache.save());
  // Not the clock of the program, whose timers keep a process alive.
  void delay(SAVE_MS, undefined, { ref: false }).then(() => cache.save());
}

/** Where the system wants caches of this user; undefined: nowhere. */
function cacheFolder(): string | undefined {
  const { env, platform } = process;
  if (env["NODE_DISABLE_COMPILE_CACHE"] === "1") return undefined;
  const name = "meander";
  const given = platform === "win32" ? env["LOCALAPPDATA"] : env["XDG_CACHE_HOME"];
  if (given !== undefined && given !== "") return join(given, name);
  const home = homedir();
  if (home === "" || home === "/") return undefined;
  return join(home, ...(platform === "darwin" ? ["Library", "Caches"] : [".cache"]), name);
}
