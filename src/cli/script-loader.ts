import { readFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { register } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { messageOf } from "../base/index.ts";
import { packageRoot } from "../client/index.ts";
import type { Shell } from "../session/shell/index.ts";
import type { Simulation } from "../sim/index.ts";
import { faultError, ScriptError, thrownError } from "./script-error.ts";
import type { HookData } from "./script-hooks.ts";
import { decodeSourceFault, faultOfModule } from "./source-fault.ts";

/** Where the bundle is, in the package. */
const BUNDLE = join("dist", "bundle");
/** The compiled files of this package, and what they were compiled from. */
const internal = (): string[] =>
  [BUNDLE, join("dist", "src"), "src"].map((folder) => join(packageRoot(), folder));

/** A script that `meander run` and `meander sim` take. What its functions throw is a {@link ScriptError}. */
export interface Script {
  readonly file: string;
  /** Its default export. */
  main(shell: Shell, args: readonly string[]): Promise<void>;
  /** Its export `simulation`: sets up the simulated world. Undefined when it has none. */
  readonly simulation: ((simulation: Simulation) => Promise<void>) | undefined;
  /** An error outside of its functions, as an error of the script. */
  errorOf(thrown: unknown): ScriptError;
}

/**
 * Reads scripts: modules in TypeScript or JavaScript, anywhere on the disk, that import this package as `meander`. Once
 * it is created,
 * all imports of this process pass through it; one is enough.
 */
export class ScriptLoader {
  constructor() {
    const data: HookData = { modules: publishedModules() };
    register(new URL("./script-hooks.js", import.meta.url), { data });
  }

  /**
   * Runs the top level of the module.
   *
   * @throws {ScriptError} `script-missing`, `script-invalid`, or what the top level threw
   */
  async load(name: string): Promise<Script> {
    const file = resolve(name);
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile() !== true) {
      throw new ScriptError("script-missing", "there is no such file", {
        where: `script ${name}`,
        expected: "a TypeScript or JavaScript module (.ts, .mts, .js, .mjs)",
      });
    }
    const exports = await evaluate(file);
    const { default: main, simulation } = exports;
    if (typeof main !== "function") {
      throw new ScriptError("script-invalid", "it has no function as its default export", {
        where: `script ${name}`,
        expected: "export default async function (shell, args) { … }",
      });
    }
    if (simulation !== undefined && typeof simulation !== "function") {
      throw new ScriptError("script-invalid", "its export `simulation` is no function", {
        where: `script ${name}`,
        expected: "export function simulation(sim) { … }",
      });
    }
    const errorOf = (thrown: unknown): ScriptError => thrownError(thrown, file, internal());
    const guarded =
      (call: (...args: unknown[]) => unknown) =>
      async (...args: unknown[]): Promise<void> => {
        try {
          await call(...args);
        } catch (thrown) {
          throw errorOf(thrown);
        }
      };
    return {
      file,
      main: guarded(main as () => unknown),
      simulation: simulation === undefined ? undefined : guarded(simulation as () => unknown),
      errorOf,
    };
  }
}

async function evaluate(file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (thrown) {
    const fault = decodeSourceFault(messageOf(thrown));
    if (fault !== undefined) throw faultError(fault);
    if (thrown instanceof SyntaxError) throw await syntaxError(thrown, file);
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
    if (code === "ERR_MODULE_NOT_FOUND" || code === "ERR_UNKNOWN_FILE_EXTENSION") {
      throw new ScriptError("script-invalid", messageOf(thrown), { where: file, cause: thrown });
    }
    throw thrownError(thrown, file, internal());
  }
}

/** The place of an error that the runtime's parser found: from its stack, or by parsing again. */
async function syntaxError(error: SyntaxError, file: string): Promise<ScriptError> {
  const told = /^(file:\/\/\S+):(\d+)\n/.exec(error.stack ?? "");
  const suspect = told?.[1] === undefined ? file : fileURLToPath(told[1]);
  if (/\.m?js$/.test(suspect)) {
    const fault = faultOfModule(await readFile(suspect, "utf8"), suspect);
    if (fault !== undefined) return faultError(fault);
  }
  const where = told === null ? file : `${suspect}:${told[2]}`;
  return new ScriptError("script-invalid", error.message, { where, cause: error });
}

/** What package.json publishes, in the build that runs: `meander` -> file:///…/meander.js. */
function publishedModules(): Record<string, string> {
  const root = packageRoot();
  const { name, exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    name: string;
    exports: Record<string, string | { readonly types: string; readonly default: string }>;
  };
  const isBundled = fileURLToPath(import.meta.url).startsWith(join(root, BUNDLE));
  const modules: Record<string, string> = {};
  for (const [path, target] of Object.entries(exports)) {
    if (typeof target === "string") continue;
    // Outside of the bundle a module is beside its types. One of the other build would have its own copy of every
    // class.
    const file = isBundled ? target.default : target.types.replace(/\.d\.ts$/, ".js");
    modules[name + path.slice(1)] = pathToFileURL(join(root, file)).href;
  }
  return modules;
}
