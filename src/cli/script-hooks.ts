/**
 * Module hooks of scripts, which Node runs in a thread of their own: imports of `meander` lead to this very build, and
 * TypeScript
 * loses its types. Types become spaces, so lines and columns stay true.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import type { InitializeHook, LoadHook, ResolveHook } from "node:module";
import { fileURLToPath } from "node:url";
import { transformSync } from "@swc/wasm-typescript";
import { encodeSourceFault, faultOfStripping } from "./source-fault.ts";

/** What the hooks have to know, by the names of modules: `meander`, `meander/sim`; their URLs. */
export interface HookData {
  readonly modules: Readonly<Record<string, string>>;
}

const TYPESCRIPT = /\.m?ts$/;

let modules: HookData["modules"] = {};

export const initialize: InitializeHook<HookData> = (data) => {
  modules = data.modules;
};

export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  if (specifier === "meander" || specifier.startsWith("meander/")) {
    const url = modules[specifier];
    if (url !== undefined) return { url, shortCircuit: true };
    const known = Object.keys(modules).join(", ");
    throw new Error(`there is no module ${JSON.stringify(specifier)}; there are ${known}`);
  }
  try {
    return await nextResolve(specifier, context);
  } catch (error) {
    // TypeScript's habit: `./x.js` stands for `./x.ts`.
    const fromTypeScript = TYPESCRIPT.test(pathOf(context.parentURL ?? ""));
    const other = specifier.replace(/\.(m?)js$/, ".$1ts");
    if (!fromTypeScript || !/^\.{0,2}\//.test(specifier) || other === specifier) throw error;
    try {
      return await nextResolve(other, context);
    } catch {
      throw error;
    }
  }
};

export const load: LoadHook = async (url, context, nextLoad) => {
  if (!url.startsWith("file:") || !TYPESCRIPT.test(pathOf(url))) return nextLoad(url, context);
  const file = fileURLToPath(url);
  const text = await readFile(file, "utf8");
  return { format: "module", source: stripTypes(text, file), shortCircuit: true };
};

function stripTypes(text: string, file: string): string {
  try {
    return transformSync(text, { mode: "strip-only", filename: file }).code;
  } catch (cause) {
    const fault = faultOfStripping(cause, file);
    if (fault === undefined) throw cause;
    // Of an error only its name, message and stack get from thread to thread.
    throw new SyntaxError(encodeSourceFault(fault));
  }
}

function pathOf(url: string): string {
  return url.replace(/[?#].*$/, "");
}
