import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { MeanderError } from "../base/index.ts";
import type { Shell } from "../session/shell/index.ts";
import type { Simulation } from "../sim/index.ts";
import { ScriptError } from "./script-error.ts";
import { type Script, ScriptLoader } from "./script-loader.ts";

const loader = new ScriptLoader();
const shell = { name: "shell-1" } as unknown as Shell;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "meander-script-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, lines: readonly string[]): Promise<string> {
  const file = join(folder, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, lines.join("\n"));
  return file;
}

async function load(name: string, lines: readonly string[]): Promise<Script> {
  return loader.load(await write(name, lines));
}

/** What loading or running it fails with. */
async function failure(run: Promise<unknown>): Promise<ScriptError> {
  const thrown = await run.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof ScriptError, `it failed as a script: ${thrown}`);
  return thrown;
}

test("a TypeScript module outside of the package runs with its arguments, and its types are gone", async () => {
  const script = await load("typed.ts", [
    "interface Seen { readonly name: string; args: readonly string[] }",
    "export const seen: Seen[] = [];",
    "export default async function (shell: { name: string }, args: string[]): Promise<void> {",
    "  seen.push({ name: shell.name, args } satisfies Seen);",
    "}",
  ]);
  await script.main(shell, ["a", "--b"]);
  const { seen } = (await import(join(folder, "typed.ts"))) as { seen: unknown };
  assert.deepEqual(seen, [{ name: "shell-1", args: ["a", "--b"] }]);
  assert.equal(script.simulation, undefined);
});

test("`meander` is this very build, from anywhere", async () => {
  const script = await load("far/away/imports.mts", [
    'import { SiteClient } from "meander";',
    'import { MeanderError, type ErrorDetails } from "meander/base";',
    "const details: ErrorDetails = { where: 'there' };",
    "export default (): never => {",
    "  new SiteClient('http://127.0.0.1:1');",
    "  throw new MeanderError('test-code', 'no', details);",
    "};",
  ]);
  const error = await failure(script.main(shell, []));
  assert.ok(error.cause instanceof MeanderError, "not another copy of the class");
  assert.equal(error.code, "test-code");
  assert.match(error.where ?? "", /^there, asked for at .*imports\.mts:6:9$/);
});

test("an unknown part of the package is told with the known ones", async () => {
  const run = load("unknown.ts", ['import "meander/nothing";', "export default () => {};"]);
  const error = await failure(run);
  assert.match(error.what, /no module "meander\/nothing".*meander\/base/);
});

test("other TypeScript files are imported, also by the name of what they would be compiled to", async () => {
  await write("lib/a.ts", ["export const a: number = 1;"]);
  await write("lib/b.ts", ["export const b: number = 2;"]);
  await write("lib/c.js", ["export const c = 3;"]);
  const script = await load("relative.ts", [
    'import { a } from "./lib/a.ts";',
    'import { b } from "./lib/b.js";',
    'import { c } from "./lib/c.js";',
    "export default () => { throw new Error(String(a + b + c)); };",
  ]);
  assert.equal((await failure(script.main(shell, []))).what, "6");
});

test("what a script throws names the file and the line, over several files", async () => {
  await write("deep.ts", [
    "type Text = string;",
    "",
    "export function deep(text: Text): never {",
    "  throw new TypeError(text);",
    "}",
  ]);
  const script = await load("throws.ts", [
    'import { deep } from "./deep.ts";',
    "export default async function main(shell: object): Promise<void> {",
    "  await Promise.resolve();",
    "  deep('no ' + typeof shell);",
    "}",
  ]);
  const error = await failure(script.main(shell, []));
  assert.equal(error.code, "script-failed");
  assert.equal(error.what, "TypeError: no object");
  assert.equal(error.where, `${join(folder, "deep.ts")}:4:9`);
  assert.match(error.picture ?? "", /at deep \(.*deep\.ts:4:9\)\n {4}at main \(.*throws\.ts:4:3\)/);
  assert.doesNotMatch(error.picture ?? "", /script-loader|node:/);
});

test("what is thrown need not be an error", async () => {
  const script = await load("text.ts", ['export default () => { throw "a text"; };']);
  const error = await failure(script.main(shell, []));
  assert.match(error.what, /^it threw a text$/);
  assert.equal(error.where, script.file);
});

test("text that is not a program is refused with the place, in TypeScript and in JavaScript", async () => {
  const typed = await failure(load("broken.ts", ["export const a = 1;", "const b: = 2;"]));
  assert.equal(typed.code, "script-invalid");
  assert.equal(typed.where, `${join(folder, "broken.ts")}:2:10`);
  assert.match(typed.picture ?? "", /const b: = 2;\n +\^/);
  const enumeration = await failure(load("enum.ts", ["enum A { b }", "export default () => A.b;"]));
  assert.match(enumeration.what, /enum is not supported/);
  const plain = await failure(load("broken.mjs", ["export default () => {", "  const = 1;", "};"]));
  assert.equal(plain.where, `${join(folder, "broken.mjs")}:2:9`);
  assert.equal(plain.picture, "  const = 1;\n        ^");
  await write("inner.ts", ["", "export const x = (;"]);
  const inner = await failure(
    load("outer.ts", ['import "./inner.ts";', "export default () => {};"]),
  );
  assert.equal(inner.where, `${join(folder, "inner.ts")}:2:19`);
});

test("imports that lead nowhere are told", async () => {
  const missing = await failure(load("lost.ts", ['import "./nowhere.ts";']));
  assert.equal(missing.code, "script-invalid");
  assert.match(missing.what, /nowhere\.ts/);
  const name = await failure(
    load("name.ts", ['import { nothing } from "meander/base";', "export default () => nothing;"]),
  );
  assert.match(name.what, /nothing/);
  assert.match(name.where ?? "", /name\.ts:1$/);
});

test("a file that is not there, and a module without the right exports, say what was expected", async () => {
  const absent = await failure(loader.load(join(folder, "absent.ts")));
  assert.equal(absent.code, "script-missing");
  const empty = await failure(load("empty.ts", ["export const a = 1;"]));
  assert.match(empty.expected ?? "", /export default async function/);
  const wrong = await failure(
    load("wrong.ts", ["export default () => {};", "export const simulation = 3;"]),
  );
  assert.match(wrong.expected ?? "", /export function simulation/);
});

test("what the top level throws is the script's fault", async () => {
  const error = await failure(
    load("top.ts", ["const a: number = 1;", "throw new Error('top ' + a);"]),
  );
  assert.equal(error.code, "script-failed");
  assert.equal(error.where, `${join(folder, "top.ts")}:2:7`);
});

test("its simulation gets the world", async () => {
  const script = await load("world.ts", [
    "export default () => {};",
    "export function simulation(sim: { machine(name: string): unknown }): void {",
    "  sim.machine('m0');",
    "}",
  ]);
  const names: string[] = [];
  const simulation = {
    machine: (name: string) => {
      names.push(name);
      return { name };
    },
  };
  await script.simulation?.(simulation as unknown as Simulation);
  assert.deepEqual(names, ["m0"]);
});
